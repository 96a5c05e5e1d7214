use crate::{
    CohortCourse, Session,
    show::{
        compare::{Row, Standing, letter},
        course::Course,
        figures::all_cohorts,
        numbers::{grouped, span},
        words::{facts, mark_text, verdict_word},
    },
};

use super::markup::Markup;

/// Cohorts and marks shown at most, so that a page stays one that can be read.
const MAX_COHORTS: usize = 200;
const MAX_MARKS: usize = 200;
/// Rows of the figures that a chart is drawn from.
const CHART_ROWS: usize = 24;

/// A table under its heads; the first column names its rows.
fn table(markup: &mut Markup, caption: &str, heads: &[&str], rows: &[Vec<String>]) {
    markup.element("table", &[], |markup| {
        markup.leaf("caption", &[], caption);
        markup.element("thead", &[], |markup| {
            markup.element("tr", &[], |markup| {
                for head in heads {
                    markup.leaf("th", &[("scope", &"col")], head);
                }
            });
        });
        markup.element("tbody", &[], |markup| {
            for row in rows {
                markup.element("tr", &[], |markup| {
                    for (column, cell) in row.iter().enumerate() {
                        match column {
                            0 => markup.leaf("th", &[("scope", &"row")], cell),
                            _ => markup.leaf("td", &[], cell),
                        }
                    }
                });
            }
        });
    });
}

/// What the terminal shows under its names.
pub(super) fn fact_list(markup: &mut Markup, session: &Session) {
    markup.element("dl", &[("class", &"facts")], |markup| {
        for (label, fact) in facts(session) {
            markup.leaf("dt", &[], label);
            markup.leaf("dd", &[], &fact);
        }
    });
}

pub(super) fn cohorts(markup: &mut Markup, session: &Session) {
    let time = |at: Option<std::time::Duration>| at.map_or_else(|| "–".to_owned(), span);
    let cells = |cohort: &CohortCourse| {
        vec![
            cohort.name.clone(),
            grouped(cohort.size),
            time(cohort.first_started),
            time(cohort.ended),
            grouped(cohort.succeeded),
            grouped(cohort.failed),
        ]
    };
    let shown = session.cohorts.iter().take(MAX_COHORTS);
    let mut rows: Vec<_> = shown.map(cells).collect();
    if rows.len() > 1 {
        rows.push(cells(&all_cohorts(&session.cohorts)));
    }
    if rows.is_empty() {
        return;
    }
    let heads = ["cohort", "size", "opened", "ended", "updated", "failed"];
    table(markup, "Cohorts", &heads, &rows);
    more(markup, session.cohorts.len(), MAX_COHORTS);
}

fn more(markup: &mut Markup, all: usize, shown: usize) {
    if all > shown {
        let more = format!("and {} more", grouped((all - shown) as u64));
        markup.leaf("p", &[("class", &"soft")], &more);
    }
}

/// The newest changes of the verdict, in order.
pub(super) fn marks(markup: &mut Markup, session: &Session) {
    let marks = &session.marks;
    if marks.is_empty() {
        return;
    }
    let shown = &marks[marks.len().saturating_sub(MAX_MARKS)..];
    let rows: Vec<_> = shown
        .iter()
        .map(|mark| {
            vec![
                span(mark.at),
                verdict_word(mark.verdict).to_owned(),
                mark_text(mark),
            ]
        })
        .collect();
    markup.element("div", &[("class", &"said")], |markup| {
        table(
            markup,
            "What the policies said",
            &["after", "verdict", "why"],
            &rows,
        );
    });
    if marks.len() > MAX_MARKS {
        let more = format!(
            "and {} more before these",
            grouped((marks.len() - MAX_MARKS) as u64)
        );
        markup.leaf("p", &[("class", &"soft")], &more);
    }
}

/// What the charts are drawn from, for those who do not see them.
pub(super) fn chart_figures(markup: &mut Markup, course: &Course) {
    let at = |index: usize| course.until.mul_f64(index as f64 / CHART_ROWS as f64);
    let mut before = std::time::Duration::ZERO;
    let rows: Vec<_> = (0..=CHART_ROWS)
        .map(|index| {
            let point = course.at(at(index));
            let starts = course.rate_between(before, point.at);
            before = point.at;
            vec![
                span(point.at),
                grouped(point.started),
                grouped(point.updated),
                grouped(point.failed),
                grouped(point.deferred),
                grouped(starts),
            ]
        })
        .collect();
    let heads = [
        "after",
        "started",
        "updated",
        "failed",
        "put off",
        "starts per minute",
    ];
    markup.element("details", &[], |markup| {
        markup.leaf("summary", &[], "The charts in figures");
        table(markup, "Course", &heads, &rows);
    });
}

pub(super) fn comparison(markup: &mut Markup, rows: &[Row]) {
    let Some(first) = rows.first() else {
        return;
    };
    let letters: Vec<_> = (0..first.cells.len()).map(letter).collect();
    markup.element("table", &[("class", &"comparison")], |markup| {
        markup.leaf("caption", &[], "Figure by figure");
        markup.element("thead", &[], |markup| {
            markup.element("tr", &[], |markup| {
                markup.leaf("th", &[("scope", &"col")], "");
                for letter in &letters {
                    markup.leaf("th", &[("scope", &"col")], letter);
                }
            });
        });
        markup.element("tbody", &[], |markup| {
            for row in rows {
                markup.element("tr", &[], |markup| {
                    markup.leaf("th", &[("scope", &"row")], row.label);
                    for cell in &row.cells {
                        match cell.standing {
                            Standing::Plain => markup.leaf("td", &[], &cell.text),
                            Standing::Best => {
                                let best = format!("✓ {}", cell.text);
                                markup.leaf("td", &[("class", &"best")], &best);
                            }
                        }
                    }
                });
            }
        });
    });
}
