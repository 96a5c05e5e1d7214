use crate::{CohortCourse, Session};

use super::sheet::{Colour, Sheet, pad, pad_left};
use crate::show::{
    figures::all_cohorts,
    foreign::width,
    numbers::{grouped, span},
    words::cohort_text,
};

/// Cohorts shown at most; a policy may cut thousands.
const MAX_COHORTS: usize = 20;
/// A name is not cut shorter than this for the sake of a table.
const MIN_NAME: usize = 8;
/// Nor is it given more.
const MAX_NAME: usize = 24;
const GAP: usize = 2;
const HEADS: [&str; 5] = ["size", "opened", "ended", "updated", "failed"];

/// A table of the cohorts; sentences where the width is too little for one.
pub(super) fn write(sheet: &mut Sheet, session: &Session) {
    if session.cohorts.is_empty() {
        return;
    }
    sheet.blank();
    let shown = &session.cohorts[..session.cohorts.len().min(MAX_COHORTS)];
    let rows: Vec<_> = shown.iter().map(cells).collect();
    let total = (shown.len() > 1).then(|| cells(&all_cohorts(&session.cohorts)));
    let widths: Vec<_> = HEADS
        .iter()
        .enumerate()
        .map(|(column, head)| {
            let rows = rows.iter().chain(&total);
            let widest = rows.map(|row| width(&row[column])).max();
            widest.unwrap_or(0).max(head.len())
        })
        .collect();
    let numbers: usize = widths.iter().map(|columns| columns + GAP).sum();
    let Some(room) = sheet.columns().checked_sub(numbers + MIN_NAME) else {
        for cohort in shown {
            sheet.paragraph(&cohort_text(cohort), None);
        }
        more(sheet, session);
        return;
    };
    let names = shown.iter().map(|cohort| width(&sheet.clean(&cohort.name)));
    let name = names
        .max()
        .unwrap_or(0)
        .clamp(MIN_NAME, MIN_NAME + room)
        .min(MAX_NAME);

    row(
        sheet,
        "cohort",
        name,
        &HEADS.map(str::to_owned),
        &widths,
        Kind::Head,
    );
    for (cohort, cells) in shown.iter().zip(&rows) {
        row(sheet, &cohort.name, name, cells, &widths, Kind::Cohort);
    }
    more(sheet, session);
    if let Some(total) = total {
        row(sheet, "all", name, &total, &widths, Kind::Total);
    }
}

fn more(sheet: &mut Sheet, session: &Session) {
    let more = session.cohorts.len().saturating_sub(MAX_COHORTS);
    if more > 0 {
        sheet.paragraph(
            &format!("and {} more", grouped(more as u64)),
            Some(Colour::Dim),
        );
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Head,
    Cohort,
    Total,
}

fn row(
    sheet: &mut Sheet,
    label: &str,
    name: usize,
    cells: &[String; 5],
    widths: &[usize],
    kind: Kind,
) {
    let colour = match kind {
        Kind::Head => Some(Colour::Dim),
        Kind::Cohort => None,
        Kind::Total => Some(Colour::Bold),
    };
    let mut parts = vec![(pad(&sheet.fit(label, name), name), colour)];
    for (column, (cell, columns)) in cells.iter().zip(widths).enumerate() {
        let failures = column + 1 == HEADS.len() && kind != Kind::Head && cell != "0";
        let colour = if failures { Some(Colour::Red) } else { colour };
        parts.push((pad_left(cell, columns + GAP), colour));
    }
    let parts: Vec<_> = parts
        .iter()
        .map(|(text, colour)| (text.as_str(), *colour))
        .collect();
    sheet.line(&parts);
}

fn cells(cohort: &CohortCourse) -> [String; 5] {
    [
        grouped(cohort.size),
        cohort.first_started.map_or_else(|| "-".to_owned(), span),
        cohort.ended.map_or_else(|| "-".to_owned(), span),
        grouped(cohort.succeeded),
        grouped(cohort.failed),
    ]
}
