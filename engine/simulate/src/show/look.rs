/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns that a line may take; fewer than [`MIN_WIDTH`](Self::MIN_WIDTH) are taken for
    /// so many.
    pub width: usize,
    /// The characters to draw with.
    pub glyphs: Glyphs,
    /// Whether to colour.
    pub ink: Ink,
}

impl Look {
    /// A chart with its axis and a table of short names need so many columns.
    pub const MIN_WIDTH: usize = 40;

    pub(super) fn columns(&self) -> usize {
        self.width.max(Self::MIN_WIDTH)
    }
}

/// The characters to draw with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks and lines.
    Unicode,
    /// Nothing but ASCII; what else a name holds is shown as `?`.
    Ascii,
}

impl Glyphs {
    /// By the locale in force: the first that is set and not empty of `LC_ALL`, `LC_CTYPE`
    /// and `LANG`. Without any, a terminal is taken for one of ASCII.
    pub fn of_locale(locale: Option<&str>) -> Self {
        let codeset = locale.unwrap_or_default().to_ascii_lowercase();
        if codeset.contains("utf-8") || codeset.contains("utf8") {
            Self::Unicode
        } else {
            Self::Ascii
        }
    }

    pub(super) fn pick<T>(self, unicode: T, ascii: T) -> T {
        match self {
            Self::Unicode => unicode,
            Self::Ascii => ascii,
        }
    }
}

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Nothing but text.
    Plain,
    /// With ANSI escape codes.
    Coloured,
}
