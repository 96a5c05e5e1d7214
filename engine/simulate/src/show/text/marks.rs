use windlass_model::Verdict;

use crate::Session;

use super::sheet::{Colour, Sheet};
use crate::show::{
    foreign::width,
    numbers::{grouped, span},
    words::{mark_text, verdict_word},
};

/// The newest are what one wants to see; the page in HTML has more.
const SHOWN: usize = 6;
const GAP: usize = 2;

/// What the policies said, and when that changed: the newest.
pub(super) fn write(sheet: &mut Sheet, session: &Session) {
    let marks = &session.marks;
    let shown = &marks[marks.len().saturating_sub(SHOWN)..];
    if shown.is_empty() {
        return;
    }
    sheet.blank();
    sheet.paragraph("what the policies said", Some(Colour::Dim));
    let times: Vec<_> = shown.iter().map(|mark| span(mark.at)).collect();
    let longest = times.iter().map(|time| width(time)).max().unwrap_or(0);
    let words = shown.iter().map(|mark| verdict_word(mark.verdict).len());
    let word = words.max().unwrap_or(0);
    let earlier = (marks.len() - shown.len()) as u64;
    if earlier > 0 {
        sheet.paragraph(
            &format!("and {} more before these", grouped(earlier)),
            Some(Colour::Dim),
        );
    }
    for (mark, time) in shown.iter().zip(&times) {
        let verdict = verdict_word(mark.verdict);
        let cells = [
            (time.as_str(), longest + GAP, None),
            (verdict, word + GAP, verdict_colour(mark.verdict)),
        ];
        sheet.hanging(&cells, &mark_text(mark));
    }
}

pub(super) fn verdict_colour(verdict: Verdict) -> Option<Colour> {
    match verdict {
        Verdict::Continue => Some(Colour::Green),
        Verdict::Hold | Verdict::Pause => Some(Colour::Yellow),
        Verdict::Abort | Verdict::RollBack => Some(Colour::Red),
    }
}
