use std::path::PathBuf;

use crate::config::{Located, reader::Reader};

pub(in crate::config) fn fleet(root: &Reader<'_>) -> Option<Located<PathBuf>> {
    let path = root.section("fleet")?.text("devices")?;
    Some(path.map(|path| root.context.resolve(&path)))
}
