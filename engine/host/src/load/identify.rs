use semver::Version;
use wasmtime::{Engine, component::Component};

use crate::{CONTRACT_VERSION, Kind, LoadError};

/// The names of what a component takes and gives.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
}

pub(super) fn surface(engine: &Engine, component: &Component) -> Surface {
    let types = component.component_type();
    Surface {
        imports: types
            .imports(engine)
            .map(|(name, _)| name.to_owned())
            .collect(),
        exports: types
            .exports(engine)
            .map(|(name, _)| name.to_owned())
            .collect(),
    }
}

/// What kind of plugin exports these, if it is one that this engine can run.
pub(super) fn kind(exports: &[String]) -> Result<Kind, LoadError> {
    let found: Vec<(Kind, &str)> = exports
        .iter()
        .filter_map(|export| {
            let (interface, version) = split(export);
            let kind = Kind::ALL
                .into_iter()
                .find(|kind| kind.interface() == interface)?;
            Some((kind, version))
        })
        .collect();
    match *found {
        [] => Err(LoadError::NoPlugin {
            exports: exports.to_vec(),
        }),
        [(kind, version)] if is_spoken(version) => Ok(kind),
        [(kind, version)] => Err(LoadError::WrongVersion {
            kind,
            found: version.to_owned(),
        }),
        [..] => Err(LoadError::SeveralKinds {
            kinds: found.iter().map(|(kind, _)| *kind).collect(),
        }),
    }
}

/// `wasi:io/poll@0.2.12` without and with its version.
pub(super) fn split(name: &str) -> (&str, &str) {
    name.split_once('@').unwrap_or((name, ""))
}

/// Until the contract is frozen every version is its own.
fn is_spoken(version: &str) -> bool {
    Version::parse(version).is_ok_and(|version| version == CONTRACT_VERSION)
}
