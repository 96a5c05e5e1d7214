use std::time::Duration;

use crate::{
    Session,
    show::{
        course::{Course, Point},
        foreign::width,
        numbers::grouped,
        scale::top,
    },
};

use super::{
    area::Area,
    legend::legend,
    rulers::{Times, axis, openings},
    sheet::{Colour, Sheet, pad, pad_left},
    strip::{bars, verdicts},
};

/// Rows of the chart; an even number has a middle.
const ROWS: usize = 10;
/// Labels before the chart take so much, or more.
const GUTTER: usize = 11;
/// A radius is drawn if it does not press the rest down to less than this part.
const RADIUS_HEADROOM: f64 = 3.0;

/// Devices over time, what the policies said, and how fast it went.
pub(super) fn write(sheet: &mut Sheet, session: &Session) {
    let course = Course::of(session);
    if course.is_empty() {
        return;
    }
    let radius = session.blast_radius.as_ref().map(|radius| radius.devices);
    let most = course.most();
    let radius = radius.filter(|radius| *radius as f64 <= most as f64 * RADIUS_HEADROOM);
    let top = top(most.max(radius.unwrap_or(0)) as f64).max(1.0);
    // In the lowest row it could not be told from the axis.
    let radius = radius.filter(|radius| *radius as f64 > top / ROWS as f64);
    let edge = [top, top / 2.0].map(|devices| {
        let whole = devices.fract() == 0.0;
        if whole {
            grouped(devices as u64)
        } else {
            String::new()
        }
    });
    let strips = strips(&course);
    let gutter = edge
        .iter()
        .map(|label| width(label) + 2)
        .max()
        .unwrap_or(0)
        .max(GUTTER);
    let behind = strips
        .iter()
        .map(|strip| width(&strip.most) + 1)
        .max()
        .unwrap_or(0);
    let area = Area {
        course: &course,
        until: course.until,
        columns: sheet.columns().saturating_sub(gutter + 1 + behind),
        rows: ROWS,
        top,
        radius,
        glyphs: sheet.glyphs(),
    };

    sheet.blank();
    legend(sheet, session, &course, radius);
    for row in (0..ROWS).rev() {
        let label = match row {
            row if row == ROWS - 1 => &edge[0],
            row if row == ROWS / 2 - 1 => &edge[1],
            _ => "",
        };
        write_row(sheet, &area, row, label, gutter);
    }
    axis(sheet, area.until, gutter, area.columns, Times::Shown);
    openings(sheet, session, &area, gutter);
    let ends: Vec<_> = (0..area.columns)
        .map(|column| area.end_of(column))
        .collect();
    said(sheet, session, &ends, gutter);
    for strip in strips {
        let mut from = Duration::ZERO;
        let values = ends.iter().map(|end| {
            let value = (strip.value)(&course, from, *end);
            from = *end;
            value
        });
        let values: Vec<_> = values.collect();
        let label = pad_left(strip.label, gutter - 1);
        let drawn = pad(&bars(&values, sheet.glyphs()), area.columns + 1);
        sheet.line(&[
            (&label, Some(Colour::Dim)),
            ("  ", None),
            (&drawn, Some(strip.colour)),
            (&strip.most, Some(Colour::Dim)),
        ]);
    }
}

/// A line of bars under the chart.
struct Strip {
    label: &'static str,
    colour: Colour,
    /// The highest value.
    most: String,
    value: fn(&Course, Duration, Duration) -> f64,
}

/// Those that have anything to show.
fn strips(course: &Course) -> Vec<Strip> {
    let points = || course.drawn().iter();
    let most = |of: fn(&Point) -> u64| points().map(of).max().filter(|most| *most > 0);
    let fastest = most(|point| point.rate).map(|most| Strip {
        label: "starts/min",
        colour: Colour::Blue,
        most: grouped(most),
        value: |course, from, to| course.rate_between(from, to) as f64,
    });
    let failed = most(|point| point.failed).map(|most| Strip {
        label: "failed",
        colour: Colour::Red,
        most: grouped(most),
        value: |course, _, to| course.at(to).failed as f64,
    });
    let deferred = most(|point| point.deferred).map(|most| Strip {
        label: "put off",
        colour: Colour::Yellow,
        most: grouped(most),
        value: |course, _, to| course.at(to).deferred as f64,
    });
    [fastest, failed, deferred].into_iter().flatten().collect()
}

/// Neighbours of one colour are painted together.
pub(super) fn write_row(
    sheet: &mut Sheet,
    area: &Area<'_>,
    row: usize,
    label: &str,
    gutter: usize,
) {
    let bar = area
        .glyphs
        .pick(if label.is_empty() { "│" } else { "┤" }, "|");
    let mut runs: Vec<(String, Option<Colour>)> = vec![
        (pad_left(label, gutter - 1), Some(Colour::Dim)),
        (format!(" {bar}"), Some(Colour::Dim)),
    ];
    for (glyph, layer) in area.row(row) {
        match runs.last_mut() {
            Some((run, colour)) if *colour == layer.colour() => run.push(glyph),
            _ => runs.push((glyph.to_string(), layer.colour())),
        }
    }
    let parts: Vec<_> = runs
        .iter()
        .map(|(run, colour)| (run.as_str(), *colour))
        .collect();
    sheet.line(&parts);
}

/// The verdicts in force, if they were ever other than to go on.
fn said(sheet: &mut Sheet, session: &Session, ends: &[Duration], gutter: usize) {
    let cells = verdicts(&session.marks, ends);
    if cells.iter().all(|(letter, _)| *letter == ' ') {
        return;
    }
    let label = pad_left("verdict", gutter - 1);
    let mut runs = vec![(label, Some(Colour::Dim)), ("  ".to_owned(), None)];
    for (letter, colour) in cells {
        match runs.last_mut() {
            Some((run, before)) if *before == colour => run.push(letter),
            _ => runs.push((letter.to_string(), colour)),
        }
    }
    let parts: Vec<_> = runs
        .iter()
        .map(|(run, colour)| (run.as_str(), *colour))
        .collect();
    sheet.line(&parts);
}
