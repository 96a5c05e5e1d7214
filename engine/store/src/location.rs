use std::path::{Path, PathBuf};

/// Where a state database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// In this file; it and its directory are created if they are missing.
    File(PathBuf),
    /// In memory: gone when the [`Store`](crate::Store) is dropped.
    Memory,
}

impl Location {
    /// What an operator writes for [`Location::Memory`].
    pub const MEMORY: &str = ":memory:";

    /// The location that `path` names, which is [`Location::MEMORY`] or a file's.
    pub fn from_path(path: &Path) -> Self {
        if path == Path::new(Self::MEMORY) {
            Self::Memory
        } else {
            Self::File(path.to_owned())
        }
    }
}
