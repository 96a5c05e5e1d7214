use std::time::Duration;

use crate::{
    Session,
    show::{foreign::width, numbers::span, scale::time_ticks},
};

use super::{
    area::Area,
    sheet::{Colour, Sheet, pad, pad_left},
};

/// A column for each tick and its label.
const TICK: usize = 12;

/// Whether an axis has its times under it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    Shown,
    Hidden,
}

/// The time, with ticks and their labels.
pub(super) fn axis(
    sheet: &mut Sheet,
    until: Duration,
    gutter: usize,
    columns: usize,
    times: Times,
) {
    let glyphs = sheet.glyphs();
    let (corner, line, tick) = glyphs.pick(('└', '─', '┴'), ('+', '-', '+'));
    let ticks = time_ticks(until, (columns / TICK) as u64);
    let mut ruler = vec![line; columns];
    let mut labels = Labels::new(columns);
    for at in ticks {
        let column = column_of(at, until, columns);
        if let Some(cell) = ruler.get_mut(column).filter(|_| column > 0) {
            *cell = tick;
        }
        labels.put(
            column,
            &if at.is_zero() {
                "0".to_owned()
            } else {
                span(at)
            },
        );
    }
    let ruler: String = ruler.into_iter().collect();
    let before = " ".repeat(gutter - 1);
    let zero = format!("{} {corner}{ruler}", pad_left("0", gutter - 1));
    sheet.line(&[(&zero, Some(Colour::Dim))]);
    if times == Times::Shown {
        let labels = format!("{before}  {}", labels.0);
        sheet.line(&[(&labels, Some(Colour::Dim))]);
    }
}

/// Where the cohorts open.
pub(super) fn openings(sheet: &mut Sheet, session: &Session, area: &Area<'_>, gutter: usize) {
    let mut labels = Labels::new(area.columns);
    let arrow = sheet.glyphs().pick("▲", "^");
    for cohort in &session.cohorts {
        let Some(at) = cohort.first_started.filter(|at| *at <= area.until) else {
            continue;
        };
        let column = column_of(at, area.until, area.columns);
        let name = format!("{arrow} {}", sheet.clean(&cohort.name));
        labels.put(column, &name);
    }
    if !labels.0.is_empty() {
        let label = pad_left("opens", gutter - 1);
        sheet.line(&[(&label, Some(Colour::Dim)), ("  ", None), (&labels.0, None)]);
    }
}

fn column_of(at: Duration, until: Duration, columns: usize) -> usize {
    let share = at.as_secs_f64() / until.as_secs_f64().max(f64::MIN_POSITIVE);
    ((share * columns as f64).floor() as usize).min(columns.saturating_sub(1))
}

/// Labels in a line, each at its column, but for those that would touch another.
struct Labels(String, usize);

impl Labels {
    fn new(columns: usize) -> Self {
        Self(String::new(), columns)
    }

    fn put(&mut self, column: usize, label: &str) {
        let taken = width(&self.0);
        let free = if taken == 0 { 0 } else { taken + 1 };
        // A label at the very end moves to where it fits.
        let column = column.min(self.1.saturating_sub(width(label)));
        if column >= free && column + width(label) <= self.1 {
            self.0 = pad(&self.0, column);
            self.0.push_str(label);
        }
    }
}
