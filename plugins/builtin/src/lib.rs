//! The built-in plugins, compiled to components and embedded.
//!
//! The build script compiles `plugins/`; this crate only holds the bytes, so that the
//! engine is one file with no plugin folder to install.

/// A plugin that every engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Builtin {
    /// What follows `builtin:` in a configuration.
    pub name: &'static str,
    /// The component.
    pub bytes: &'static [u8],
}

macro_rules! embedded {
    ($name:literal) => {
        Builtin {
            name: $name,
            bytes: include_bytes!(concat!(env!("OUT_DIR"), "/", $name, ".wasm")),
        }
    };
}

/// All of them, sorted by name.
pub const ALL: &[Builtin] = &[
    embedded!("delivery-http"),
    embedded!("filter-cel"),
    embedded!("policy-progressive"),
    embedded!("policy-rate"),
    embedded!("policy-window"),
];

/// The component of this name, without the `builtin:`.
pub fn builtin(name: &str) -> Option<&'static [u8]> {
    ALL.iter()
        .find(|builtin| builtin.name == name)
        .map(|builtin| builtin.bytes)
}
