use super::{Cause, PluginError};
use crate::{CONTRACT_VERSION, Kind};

/// Why a file cannot be used as a plugin. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It exceeds what is read.
    #[error(
        "the component has {size} bytes, more than the {limit} that are accepted; \
         build it with optimisation and without debug information"
    )]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// What is accepted.
        limit: usize,
    },
    /// It is WebAssembly, but a core module.
    #[error(
        "the file is a WebAssembly module, not a component; \
         build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// It is no WebAssembly.
    #[error(
        "the file is not a WebAssembly component; build the plugin for the target wasm32-wasip2"
    )]
    NotAComponent,
    /// It does not compile.
    #[error("the component cannot be compiled")]
    Compile(#[source] Cause),
    /// It exports no interface of ours.
    #[error(
        "the component exports no plugin interface; export one of the worlds device-filter, \
         rollout-policy or delivery of windlass:plugin@{CONTRACT_VERSION}{}",
        exports_listed(exports)
    )]
    NoPlugin {
        /// What it exports.
        exports: Vec<String>,
    },
    /// It exports several.
    #[error(
        "the component exports {}; a plugin is exactly one of them",
        listed(kinds)
    )]
    SeveralKinds {
        /// What it could be.
        kinds: Vec<Kind>,
    },
    /// It was built against another version of the contract.
    #[error(
        "the component is {} for windlass:plugin@{found}, and this engine speaks \
         windlass:plugin@{CONTRACT_VERSION}; {}", kind.with_article(), remedy(found)
    )]
    WrongVersion {
        /// What it is.
        kind: Kind,
        /// The version it was built for.
        found: String,
    },
    /// It wants something that its kind does not get.
    #[error(
        "{} may not import {}; {}", kind.with_article(), imports.join(", "), kind.import_rule()
    )]
    ForbiddenImports {
        /// What it is.
        kind: Kind,
        /// What it may not have.
        imports: Vec<String>,
    },
    /// Its functions have other types than the contract's.
    #[error(
        "the component does not fit the world {} of windlass:plugin@{CONTRACT_VERSION}; \
         build it against the WIT files of that version", kind.world()
    )]
    Link {
        /// What it claims to be.
        kind: Kind,
        /// The first difference.
        #[source]
        cause: Cause,
    },
    /// `describe` failed.
    #[error("the plugin cannot describe itself")]
    Describe(#[source] PluginError),
    /// The schema of its settings is no JSON Schema.
    #[error(
        "the plugin describes its settings by something that is no JSON Schema; this is a fault of the plugin"
    )]
    Schema(#[source] Cause),
}

fn exports_listed(exports: &[String]) -> String {
    if exports.is_empty() {
        String::new()
    } else {
        format!(" (it exports {})", exports.join(", "))
    }
}

fn listed(kinds: &[Kind]) -> String {
    kinds
        .iter()
        .map(|kind| kind.with_article())
        .collect::<Vec<_>>()
        .join(" and ")
}

fn remedy(found: &str) -> &'static str {
    let newer = |found: &semver::Version| *found > CONTRACT_VERSION;
    match semver::Version::parse(found) {
        Ok(found) if newer(&found) => "update windlass, or take an older release of the plugin",
        Ok(_) | Err(_) => "rebuild the plugin with a newer SDK, or take a newer release of it",
    }
}
