use std::time::Duration;

use crate::{
    Session,
    show::{
        Glyphs,
        foreign::{clean, fit},
    },
};

use super::{
    frame::{Frame, label, line, rect},
    labels::{LANE, Place, Wish, lanes, place, text_width},
    markup::Markup,
};

const MAX_LANES: usize = 2;
/// Longer names are in the table.
const MAX_NAME: usize = 28;

/// The cohorts that open within a chart, and where their names go.
pub(super) struct Cohorts {
    opened: Vec<(Duration, String)>,
    places: Vec<Option<Place>>,
}

impl Cohorts {
    pub(super) fn of(session: &Session, frame: &Frame) -> Self {
        let mut opened: Vec<_> = session
            .cohorts
            .iter()
            .filter_map(|cohort| Some((cohort.first_started?, shown(&cohort.name))))
            .filter(|(at, _)| *at <= frame.until)
            .collect();
        opened.sort_by_key(|(at, _)| *at);
        let wishes: Vec<_> = opened
            .iter()
            .map(|(at, name)| Wish {
                x: frame.x(*at),
                width: text_width(name),
                weight: 0,
            })
            .collect();
        Self {
            places: place(&wishes, MAX_LANES, frame.right()),
            opened,
        }
    }

    /// Lanes that the names take.
    pub(super) fn lanes(&self) -> usize {
        lanes(&self.places)
    }

    /// A band from where each opens to where the next one does, and the names at the very top.
    pub(super) fn draw(&self, markup: &mut Markup, frame: &Frame) {
        let ends = self.opened.iter().skip(1).map(|(at, _)| *at);
        let ends = ends.chain([frame.until]);
        for (index, ((from, _), to)) in self.opened.iter().zip(ends).enumerate() {
            let class = if index % 2 == 0 {
                "band even"
            } else {
                "band odd"
            };
            let (from, to) = (frame.x(*from), frame.x(to));
            rect(
                markup,
                class,
                (from, frame.above),
                (to - from, frame.height),
            );
            line(markup, "opens", (from, frame.above), (from, frame.bottom()));
        }
        for ((_, name), place) in self.opened.iter().zip(&self.places) {
            if let Some(place) = place {
                let foot = LANE * (place.lane + 1) as f64 - 4.0;
                label(markup, "cohort", (place.x, foot), name);
            }
        }
    }
}

fn shown(name: &str) -> String {
    let name = clean(name, Glyphs::Unicode);
    format!("▾ {}", fit(&name, MAX_NAME, Glyphs::Unicode))
}
