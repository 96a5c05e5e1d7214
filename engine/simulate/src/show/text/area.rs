use std::time::Duration;

use crate::show::{
    Glyphs,
    course::{Course, Point},
};

use super::sheet::Colour;

/// Parts of a cell that a block fills from below, nothing first.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// What a cell of the chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layer {
    Empty,
    Updated,
    Failed,
    Started,
    Radius,
}

impl Layer {
    pub(super) fn glyph(self, glyphs: Glyphs) -> char {
        let (unicode, ascii) = match self {
            Self::Empty => (' ', ' '),
            Self::Updated => ('█', '#'),
            Self::Failed => ('▓', 'x'),
            Self::Started => ('░', '.'),
            Self::Radius => ('╌', '-'),
        };
        glyphs.pick(unicode, ascii)
    }

    pub(super) fn colour(self) -> Option<Colour> {
        match self {
            Self::Empty => None,
            Self::Updated => Some(Colour::Green),
            Self::Failed => Some(Colour::Red),
            Self::Started => Some(Colour::Blue),
            Self::Radius => Some(Colour::Yellow),
        }
    }
}

/// Devices over time as stacked areas: updated, failed, started and not ended.
pub(super) struct Area<'a> {
    pub(super) course: &'a Course,
    /// Where the time axis ends.
    pub(super) until: Duration,
    pub(super) columns: usize,
    pub(super) rows: usize,
    /// Devices at the upper edge.
    pub(super) top: f64,
    /// A line across.
    pub(super) radius: Option<u64>,
    pub(super) glyphs: Glyphs,
}

impl Area<'_> {
    /// The instant at the end of a column.
    pub(super) fn end_of(&self, column: usize) -> Duration {
        self.until
            .mul_f64((column + 1) as f64 / self.columns as f64)
    }

    /// The cells of a row, the lowest first.
    pub(super) fn row(&self, row: usize) -> Vec<(char, Layer)> {
        let unit = self.top / self.rows as f64;
        let radius = self.radius.is_some_and(|radius| {
            let height = (radius as f64 / unit).ceil();
            (height as usize).saturating_sub(1) == row
        });
        (0..self.columns)
            .map(|column| {
                let point = self.course.at(self.end_of(column));
                let (glyph, layer) = self.cell(&point, row as f64 * unit, unit);
                if radius && layer == Layer::Empty {
                    (Layer::Radius.glyph(self.glyphs), Layer::Radius)
                } else {
                    (glyph, layer)
                }
            })
            .collect()
    }

    fn cell(&self, point: &Point, low: f64, unit: f64) -> (char, Layer) {
        let filled = |devices: u64| ((devices as f64 - low) / unit).clamp(0.0, 1.0);
        let updated = filled(point.updated);
        let ended = filled(point.updated + point.failed);
        let height = filled(point.height());
        let parts = [
            (updated, Layer::Updated),
            (ended - updated, Layer::Failed),
            (height - ended, Layer::Started),
        ];
        // The first of the largest.
        let (_, layer) = parts
            .into_iter()
            .fold((0.0, Layer::Empty), |largest, part| {
                if part.0 > largest.0 { part } else { largest }
            });
        if height >= 0.5 && (layer != Layer::Updated || self.glyphs == Glyphs::Ascii) {
            return (layer.glyph(self.glyphs), layer);
        }
        // One device of a million is shown all the same, as a line at the foot.
        let is_foot = low == 0.0 && height > 0.0;
        let eighths = (height * 8.0).round() as usize;
        match (layer, self.glyphs) {
            (Layer::Updated, Glyphs::Unicode) if eighths > 0 => {
                (EIGHTHS[eighths.min(EIGHTHS.len() - 1)], layer)
            }
            _ if is_foot => (self.glyphs.pick('▁', '_'), layer),
            _ => (' ', Layer::Empty),
        }
    }
}
