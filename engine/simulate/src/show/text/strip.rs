use std::time::Duration;

use windlass_model::Verdict;

use crate::{Mark, show::Glyphs};

use super::{marks::verdict_colour, sheet::Colour};

/// Heights of a line of bars, nothing first.
const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII_BARS: [char; 6] = [' ', '.', ':', '-', '=', '#'];

/// Values as bars, the highest of the full height; what is not 0 is seen.
pub(super) fn bars(values: &[f64], glyphs: Glyphs) -> String {
    let most = values.iter().copied().fold(0.0, f64::max);
    let heights: &[char] = glyphs.pick(&BARS, &ASCII_BARS);
    let full = heights.len() - 1;
    let bar = |value: f64| {
        if most <= 0.0 || value <= 0.0 {
            return ' ';
        }
        let height = (value / most * full as f64).round() as usize;
        heights[height.clamp(1, full)]
    };
    values.iter().map(|value| bar(*value)).collect()
}

/// The severest verdict in force within each column; nothing where they go on.
pub(super) fn verdicts(marks: &[Mark], ends: &[Duration]) -> Vec<(char, Option<Colour>)> {
    let mut marks = marks.iter().peekable();
    let mut in_force = Verdict::Continue;
    ends.iter()
        .map(|end| {
            let mut severest = in_force;
            while let Some(mark) = marks.next_if(|mark| mark.at <= *end) {
                in_force = mark.verdict;
                severest = severest.max(mark.verdict);
            }
            (letter(severest), verdict_colour(severest))
        })
        .collect()
}

/// How a verdict is written in a column.
pub(super) fn letter(verdict: Verdict) -> char {
    match verdict {
        Verdict::Continue => ' ',
        Verdict::Hold => 'h',
        Verdict::Pause => 'p',
        Verdict::Abort => 'A',
        Verdict::RollBack => 'R',
    }
}
