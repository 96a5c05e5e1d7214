use std::collections::BTreeMap;

use windlass_model::Verdict;

use crate::{
    Mark, Session,
    show::{
        numbers::span,
        words::{mark_text, verdict_word},
    },
};

use super::{
    frame::{Frame, STRIP, label, line, rect},
    labels::{LANE, Place, Wish, lanes, place, text_width},
    markup::Markup,
};

const MAX_LANES: usize = 3;
/// More holds than this are a pattern, such as nights: the strip under the chart shows it
/// better than lines.
const MANY: usize = 12;

/// The changes of the verdict that are worth a line, and where their labels go.
pub(super) struct Marks<'a> {
    marks: Vec<&'a Mark>,
    places: Vec<Option<Place>>,
}

impl<'a> Marks<'a> {
    /// Of those at one place only the severest is drawn.
    pub(super) fn of(session: &'a Session, frame: &Frame) -> Self {
        let drawn = session.marks.iter().filter(|mark| mark.at <= frame.until);
        // Every rollout begins by going on.
        let told = drawn.filter(|mark| !mark.at.is_zero() || mark.verdict > Verdict::Continue);
        let told: Vec<_> = told.collect();
        let holds = told.iter().filter(|mark| mark.verdict == Verdict::Hold);
        let least = if holds.count() > MANY {
            Verdict::Pause
        } else {
            Verdict::Continue
        };
        let mut severest: BTreeMap<i64, &Mark> = BTreeMap::new();
        for mark in told.into_iter().filter(|mark| mark.verdict >= least) {
            let place = frame.x(mark.at).round() as i64;
            let kept = severest.entry(place).or_insert(mark);
            if mark.verdict > kept.verdict {
                *kept = mark;
            }
        }
        let marks: Vec<_> = severest.into_values().collect();
        let wishes: Vec<_> = marks
            .iter()
            .map(|mark| Wish {
                x: frame.x(mark.at),
                width: text_width(&text(mark)),
                weight: mark.verdict as u8,
            })
            .collect();
        Self {
            places: place(&wishes, MAX_LANES, frame.right()),
            marks,
        }
    }

    /// Lanes that the labels take.
    pub(super) fn lanes(&self) -> usize {
        lanes(&self.places)
    }

    /// Lines with their labels in the lanes below `above`.
    pub(super) fn draw(&self, markup: &mut Markup, frame: &Frame, above: f64) {
        let foot = |place: &Place| above + LANE * (place.lane + 1) as f64 - 4.0;
        for (mark, place) in self.marks.iter().zip(&self.places) {
            let x = frame.x(mark.at);
            let from = place
                .as_ref()
                .map_or(frame.above, |place| foot(place) + 4.0);
            let group = format!("mark {}", class(mark.verdict));
            markup.element("g", &[("class", &group)], |markup| {
                markup.leaf(
                    "title",
                    &[],
                    &format!("{}: {}", text(mark), mark_text(mark)),
                );
                line(markup, class(mark.verdict), (x, from), (x, frame.bottom()));
            });
        }
        // After all lines, so that none crosses a label.
        for (mark, place) in self.marks.iter().zip(&self.places) {
            if let Some(place) = place {
                let class = format!("said halo {}", class(mark.verdict));
                label(markup, &class, (place.x, foot(place)), &text(mark));
            }
        }
    }
}

fn text(mark: &Mark) -> String {
    format!("{} {}", verdict_word(mark.verdict), span(mark.at))
}

/// The verdict in force, under the axis.
pub(super) fn strip(markup: &mut Markup, frame: &Frame, session: &Session) {
    let ends = session.marks.iter().skip(1).map(|mark| mark.at);
    let ends = ends.chain([frame.until]).map(|at| at.min(frame.until));
    let mut drawn = frame.left();
    for (mark, end) in session.marks.iter().zip(ends) {
        let (from, to) = (frame.x(mark.at).max(drawn), frame.x(end));
        // What is too short to be seen gives way to what comes next.
        if mark.verdict != Verdict::Continue && to - from >= 0.5 {
            let class = format!("strip {}", class(mark.verdict));
            rect(
                markup,
                &class,
                (from, frame.bottom() + 1.0),
                (to - from, STRIP),
            );
            drawn = to;
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Continue => "goes-on",
        Verdict::Hold => "holds",
        Verdict::Pause => "pauses",
        Verdict::Abort => "aborts",
        Verdict::RollBack => "rolls-back",
    }
}
