//! Sessions as one page for a browser: well-formed XML that is HTML too, without a script,
//! a picture or a style from elsewhere.
//!
//! - `markup`: elements, and text that cannot become one.
//! - `frame`, `labels`: axes, lines and areas; labels that do not cover each other.
//! - `progress` with its `cohorts` and `marks`, `starts`, `overlay`: the charts.
//! - `tables`: the same in figures.

mod cohorts;
mod frame;
mod labels;
mod marks;
mod markup;
mod overlay;
mod progress;
mod starts;
mod tables;

use markup::Markup;

use super::{
    compare::{Standing, letter, rows},
    course::Course,
    figures::{Blast, Figures},
    numbers::{counted, grouped, percent, span},
    words,
};
use crate::{End, Session};

const STYLE: &str = include_str!("style.css");

/// One page about these sessions; of several, first how they compare. The same sessions give
/// the same bytes.
pub fn html(sessions: &[Session]) -> String {
    let title = match sessions {
        [session] => words::title(session),
        _ => format!(
            "{} compared",
            counted(sessions.len() as u64, "configuration")
        ),
    };
    Markup::page(&title, STYLE, |page| {
        page.element("main", &[], |page| {
            page.leaf("p", &[("class", &"kind")], "Windlass simulation");
            page.leaf("h1", &[], &title);
            if let [session] = sessions {
                page.leaf("p", &[("class", &"soft")], &words::origin(session));
                about(page, session, 0);
            } else {
                compare(page, sessions);
                for (index, session) in sessions.iter().enumerate() {
                    one_of_many(page, session, index);
                }
            }
            let foot = "Nothing was sent to any device. The same configuration, fleet and seed \
                        give the same page.";
            page.leaf("footer", &[], foot);
        });
    })
}

fn compare(page: &mut Markup, sessions: &[Session]) {
    let (names, common) = words::key(sessions);
    page.element("ul", &[("class", &"key")], |page| {
        for (index, name) in names.iter().enumerate() {
            page.element("li", &[], |page| {
                let way = format!("letter {}", overlay::way(index));
                page.leaf("strong", &[("class", &way)], &letter(index));
                page.text(&format!(" {name}"));
            });
        }
    });
    if let Some(common) = common {
        page.leaf("p", &[("class", &"soft")], &common);
    }
    let rows = rows(sessions);
    page.element("div", &[("class", &"wide")], |page| {
        tables::comparison(page, &rows)
    });
    if rows
        .iter()
        .flat_map(|row| &row.cells)
        .any(|cell| cell.standing == Standing::Best)
    {
        page.leaf("p", &[("class", &"soft")], "✓ the best of its row");
    }
    if sessions
        .iter()
        .all(|session| Course::of(session).is_empty())
    {
        return;
    }
    figure(page, "Updated, of all devices", |page| {
        overlay::draw(
            page,
            "all-updated",
            "Share of devices updated",
            sessions,
            |point| point.updated,
        );
    });
    if sessions
        .iter()
        .any(|session| Figures::of(session).failed > 0)
    {
        figure(page, "Failed, of all devices", |page| {
            overlay::draw(
                page,
                "all-failed",
                "Share of devices failed",
                sessions,
                |point| point.failed,
            );
        });
    }
}

fn figure(page: &mut Markup, caption: &str, content: impl FnOnce(&mut Markup)) {
    page.element("figure", &[], |page| {
        page.leaf("figcaption", &[], caption);
        page.element("div", &[("class", &"wide")], content);
    });
}

fn one_of_many(page: &mut Markup, session: &Session, index: usize) {
    page.element("section", &[], |page| {
        let title = format!("{}: {}", letter(index), words::named(session));
        page.leaf("h2", &[], &title);
        page.leaf("p", &[("class", &"soft")], &words::origin(session));
        about(page, session, index);
    });
}

fn about(page: &mut Markup, session: &Session, index: usize) {
    let figures = Figures::of(session);
    let class = match (&session.end, figures.blast) {
        (_, Blast::Exceeded) | (End::Aborted(_) | End::RolledBack(_), _) => "outcome bad",
        (End::Completed(_), _) => "outcome good",
        (End::Blocked(..) | End::Unfinished, _) => "outcome open",
    };
    page.leaf("p", &[("class", &class)], &words::outcome(session));
    cards(page, session, &figures);
    let course = Course::of(session);
    if course.is_empty() {
        page.leaf(
            "p",
            &[("class", &"soft")],
            "No device was started, so there is no course to draw.",
        );
    } else {
        figure(page, "Devices over time", |page| {
            legend(page, session);
            progress::draw(page, &format!("devices-{index}"), session, &course);
        });
        figure(page, "Starts per minute", |page| {
            starts::draw(page, &format!("starts-{index}"), session, &course);
        });
        tables::chart_figures(page, &course);
    }
    tables::fact_list(page, session);
    page.element("div", &[("class", &"wide")], |page| {
        tables::cohorts(page, session)
    });
    tables::marks(page, session);
}

/// The figures that one looks for first.
fn cards(page: &mut Markup, session: &Session, figures: &Figures) {
    let reached = |at: Option<std::time::Duration>| at.map_or_else(|| "never".to_owned(), span);
    let of_all = |part| percent(part, session.devices);
    let stated = session.blast_radius.as_ref();
    let held = match figures.blast {
        Blast::Unstated => "not stated",
        Blast::Untried => "not put to the test",
        Blast::Within => "held",
        Blast::Exceeded => "exceeded",
    };
    let cards = [
        ("started", grouped(figures.started), of_all(figures.started)),
        ("updated", grouped(figures.updated), of_all(figures.updated)),
        ("failed", grouped(figures.failed), of_all(figures.failed)),
        (
            "harmed",
            grouped(session.harm.harmed),
            of_all(session.harm.harmed),
        ),
        (
            "half updated",
            reached(session.updated.half),
            format!("all: {}", reached(session.updated.all)),
        ),
        (
            "blast radius",
            stated.map_or_else(|| "–".to_owned(), |radius| grouped(radius.devices)),
            held.to_owned(),
        ),
    ];
    page.element("ul", &[("class", &"cards")], |page| {
        for (name, value, more) in &cards {
            page.element("li", &[], |page| {
                page.leaf("span", &[("class", &"name")], name);
                page.leaf("strong", &[], value);
                page.leaf("span", &[("class", &"soft")], more);
            });
        }
    });
}

fn legend(page: &mut Markup, session: &Session) {
    let mut entries = vec![
        ("updated", "updated"),
        ("failed", "failed"),
        ("started", "under way"),
    ];
    let verdicts: [(&str, &str, &[windlass_model::Verdict]); 2] = [
        (
            "holds",
            "hold or pause",
            &[
                windlass_model::Verdict::Hold,
                windlass_model::Verdict::Pause,
            ],
        ),
        (
            "aborts",
            "abort",
            &[
                windlass_model::Verdict::Abort,
                windlass_model::Verdict::RollBack,
            ],
        ),
    ];
    for (class, name, verdicts) in verdicts {
        if session
            .marks
            .iter()
            .any(|mark| verdicts.contains(&mark.verdict))
        {
            entries.push((class, name));
        }
    }
    page.element("ul", &[("class", &"legend")], |page| {
        for (class, name) in entries {
            page.element("li", &[], |page| {
                let swatch = format!("swatch {class}");
                page.leaf("span", &[("class", &swatch)], "");
                page.text(name);
            });
        }
    });
}
