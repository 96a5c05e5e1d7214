use windlass_simulate::show::{Glyphs, Ink, Look};

use crate::console;

/// Columns where nobody tells how many there are.
const COLUMNS: usize = 80;

/// How sessions are shown on standard output: as wide as its terminal, if it is one.
pub fn look() -> Look {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    match console::columns() {
        Some(columns) => Look {
            width: columns,
            glyphs: Glyphs::of_locale(locale.as_deref()),
            ink: Ink::Coloured,
        },
        // What is in a file is read elsewhere, where it can be shown.
        None => Look {
            width: COLUMNS,
            glyphs: Glyphs::Unicode,
            ink: Ink::Plain,
        },
    }
}
