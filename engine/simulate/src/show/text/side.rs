use crate::{
    Session,
    show::{
        Look,
        compare::{Row, Standing, letter, rows},
        course::Course,
        foreign::width,
        numbers::{grouped, percent},
        scale::top,
        words,
    },
};

use super::{
    area::Area,
    chart::write_row,
    rulers::{Times, axis},
    sheet::{Colour, Sheet, pad, pad_left},
};

/// Columns of a figure's name.
const LABEL: usize = 16;
/// Between two columns of figures; holds the mark of the better one.
const GAP: usize = 2;
/// No column of figures is narrower: `1,000,000`, `rolled back`.
const MIN_CELL: usize = 11;
/// Rows of each small chart.
const ROWS: usize = 4;

/// Several sessions figure by figure, the better marked where there is a better, and their
/// courses on one scale. Ends with a line feed; no line is wider than `look` allows.
pub fn side_by_side(sessions: &[Session], look: &Look) -> String {
    let mut sheet = Sheet::new(*look);
    let many = sessions.len() as u64;
    sheet.paragraph(
        &format!("{} configurations compared", grouped(many)),
        Some(Colour::Bold),
    );
    key(&mut sheet, sessions);
    let rows = rows(sessions);
    let cell = rows
        .iter()
        .flat_map(|row| &row.cells)
        .map(|cell| width(&cell.text))
        .max()
        .unwrap_or(0)
        .max(MIN_CELL)
        .min(sheet.columns() - LABEL - GAP);
    let abreast = (sheet.columns().saturating_sub(LABEL) / (cell + GAP)).max(1);
    for first in (0..sessions.len()).step_by(abreast) {
        let last = sessions.len().min(first + abreast);
        table(&mut sheet, &rows, first..last, cell);
    }
    let marked = rows.iter().flat_map(|row| &row.cells);
    if marked
        .into_iter()
        .any(|cell| cell.standing == Standing::Best)
    {
        sheet.paragraph("* the best of its row", Some(Colour::Dim));
    }
    charts(&mut sheet, sessions);
    sheet.finish()
}

/// What the letters stand for; what all have in common is said once.
fn key(sheet: &mut Sheet, sessions: &[Session]) {
    let (names, common) = words::key(sessions);
    for (index, name) in names.iter().enumerate() {
        let letter = letter(index);
        let cell = (letter.as_str(), letter.len() + 2, Some(Colour::Bold));
        sheet.hanging(&[cell], name);
    }
    if let Some(common) = common {
        sheet.paragraph(&common, Some(Colour::Dim));
    }
    grounds(sheet, sessions);
}

/// What each rests on; what all have in common is said once.
fn grounds(sheet: &mut Sheet, sessions: &[Session]) {
    let all: Vec<_> = sessions.iter().map(words::grounds).collect();
    let common = all.windows(2).all(|pair| pair[0] == pair[1]);
    let told = if common { 1 } else { all.len() };
    for (index, grounds) in all.iter().enumerate().take(told) {
        for (label, text) in grounds {
            if common {
                sheet.labelled(label, text);
            } else {
                sheet.labelled(label, &format!("{}: {text}", letter(index)));
            }
        }
    }
}

fn table(sheet: &mut Sheet, rows: &[Row], shown: std::ops::Range<usize>, cell: usize) {
    sheet.blank();
    let mut head = " ".repeat(LABEL);
    for index in shown.clone() {
        head.push_str(&pad_left(&letter(index), cell));
        head.push_str(&" ".repeat(GAP));
    }
    sheet.line(&[(&head, Some(Colour::Bold))]);
    for row in rows {
        let mut parts = vec![(pad(row.label, LABEL), Some(Colour::Dim))];
        for value in &row.cells[shown.clone()] {
            let (mark, colour) = match value.standing {
                Standing::Plain => (" ", None),
                Standing::Best => ("*", Some(Colour::Green)),
            };
            parts.push((pad_left(&sheet.fit(&value.text, cell), cell), colour));
            parts.push((pad(mark, GAP), colour));
        }
        let parts: Vec<_> = parts
            .iter()
            .map(|(text, colour)| (text.as_str(), *colour))
            .collect();
        sheet.line(&parts);
    }
}

/// One under the other, with the same time and the same number of devices to the column.
fn charts(sheet: &mut Sheet, sessions: &[Session]) {
    let courses: Vec<_> = sessions.iter().map(Course::of).collect();
    if courses.iter().all(Course::is_empty) {
        return;
    }
    let until = courses
        .iter()
        .map(|course| course.until)
        .max()
        .unwrap_or_default();
    let most = courses.iter().map(Course::most).max().unwrap_or(0);
    let top = top(most as f64).max(1.0);
    let edge = grouped(top as u64);
    let gutter = width(&edge) + 2;
    let columns = sheet.columns().saturating_sub(gutter + 1);
    for (index, (course, session)) in courses.iter().zip(sessions).enumerate() {
        let last = course.points.last().copied().unwrap_or_default();
        let caption = format!(
            "{}: {} updated ({}), {} failed",
            letter(index),
            grouped(last.updated),
            percent(last.updated, session.devices),
            grouped(last.failed),
        );
        sheet.blank();
        sheet.paragraph(&caption, None);
        let area = Area {
            course,
            until,
            columns,
            rows: ROWS,
            top,
            radius: None,
            glyphs: sheet.glyphs(),
        };
        for row in (0..ROWS).rev() {
            let label = if row == ROWS - 1 { edge.as_str() } else { "" };
            write_row(sheet, &area, row, label, gutter);
        }
        let times = if index + 1 == sessions.len() {
            Times::Shown
        } else {
            Times::Hidden
        };
        axis(sheet, until, gutter, columns, times);
    }
}
