//! Several sessions figure by figure, and which of them does better where that can be said.

use std::time::Duration;

use crate::{End, Session};

use super::{
    figures::{Blast, Figures},
    numbers::{grouped, span},
    words::end_word,
};

/// One figure of every session.
pub(super) struct Row {
    pub(super) label: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// One session's value.
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) standing: Standing,
}

/// How a value compares with the others of its row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// There is no better or worse, or another is better.
    Plain,
    /// None is better, and some are worse.
    Best,
}

/// What makes a value the better one.
#[derive(Clone, Copy)]
enum Better {
    /// Nothing.
    Neither,
    Less,
    More,
}

/// Letters that tell the sessions of a comparison apart; their names may be alike.
pub(super) fn letter(index: usize) -> String {
    const LETTERS: &[u8; 26] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    match LETTERS.get(index) {
        Some(letter) => char::from(*letter).to_string(),
        None => (index + 1).to_string(),
    }
}

/// Every figure of the sessions.
///
/// Among fleets of different sizes nothing is better. Where a build harmed devices, neither
/// is speed: what spreads it faster is worse. Of rollouts that were all aborted, one that
/// started fewer devices did better.
pub(super) fn rows(sessions: &[Session]) -> Vec<Row> {
    let alike = sessions
        .windows(2)
        .all(|pair| pair[0].devices == pair[1].devices);
    let fell_back = |session: &Session| session.harm.fell_back.map(|fell_back| fell_back.devices);
    let harmless = sessions
        .iter()
        .all(|session| session.harm.harmed == 0 && fell_back(session).unwrap_or(0) == 0);
    let figures: Vec<_> = sessions.iter().map(Figures::of).collect();
    let judged = |better| if alike { better } else { Better::Neither };
    let sooner = if harmless {
        judged(Better::Less)
    } else {
        Better::Neither
    };
    let more = if harmless {
        judged(Better::More)
    } else {
        Better::Neither
    };
    let less = judged(Better::Less);
    let aborted = |session: &Session| matches!(session.end, End::Aborted(_) | End::RolledBack(_));
    let caught = if sessions.iter().all(aborted) {
        less
    } else {
        Better::Neither
    };

    let count = |label, better, of: &dyn Fn(&Session, &Figures) -> u64| {
        let values: Vec<_> = sessions
            .iter()
            .zip(&figures)
            .map(|(s, f)| of(s, f))
            .collect();
        row(label, better, values, |value| grouped(*value))
    };
    let when = |label, better, of: &dyn Fn(&Session, &Figures) -> Option<Duration>| {
        let values = sessions.iter().zip(&figures).map(|(s, f)| of(s, f));
        let values = values.map(|at| at.unwrap_or(Duration::MAX)).collect();
        row(label, better, values, |at| match *at {
            Duration::MAX => "-".to_owned(),
            at => span(at),
        })
    };
    let mut rows = vec![
        count("devices", Better::Neither, &|s, _| s.devices),
        plain("outcome", sessions.iter().map(|s| end_word(&s.end))),
        when("after", Better::Neither, &|s, f| match s.end {
            End::Unfinished => Some(s.span),
            End::Completed(_) | End::Aborted(_) | End::RolledBack(_) | End::Blocked(..) => f.ended,
        }),
        count("started", caught, &|_, f| f.started),
        count("updated", more, &|_, f| f.updated),
        count("failed", less, &|_, f| f.failed),
        when("50 % updated", sooner, &|s, _| s.updated.half),
        when("90 % updated", sooner, &|s, _| s.updated.most),
        when("100 % updated", sooner, &|s, _| s.updated.all),
        count("peak starts/min", Better::Neither, &|s, _| s.peak_starts),
        count("attempts failed", less, &|s, _| s.harm.failures),
        count("devices harmed", less, &|s, _| s.harm.harmed),
    ];
    if sessions.iter().any(|session| fell_back(session).is_some()) {
        rows.push(count("fell back", less, &|s, _| fell_back(s).unwrap_or(0)));
    }
    rows.extend([
        blast_radius(sessions, less),
        plain("radius held", figures.iter().map(|f| held(f.blast))),
        count("decisions", Better::Neither, &|s, _| s.decisions),
    ]);
    rows
}

fn blast_radius(sessions: &[Session], better: Better) -> Row {
    let stated = sessions.iter().map(|session| session.blast_radius.as_ref());
    // One that is not stated is not known to be small.
    let values = stated.map(|radius| radius.map_or(u64::MAX, |radius| radius.devices));
    row(
        "blast radius",
        better,
        values.collect(),
        |devices| match *devices {
            u64::MAX => "-".to_owned(),
            devices => grouped(devices),
        },
    )
}

fn held(blast: Blast) -> &'static str {
    match blast {
        Blast::Unstated => "-",
        Blast::Untried => "untried",
        Blast::Within => "yes",
        Blast::Exceeded => "NO",
    }
}

fn plain(label: &'static str, words: impl Iterator<Item = &'static str>) -> Row {
    row(label, Better::Neither, words.collect(), |word| {
        (*word).to_owned()
    })
}

fn row<T: PartialOrd>(
    label: &'static str,
    better: Better,
    values: Vec<T>,
    text: impl Fn(&T) -> String,
) -> Row {
    let beats = |one: &T, other: &T| match better {
        Better::Neither => false,
        Better::Less => one < other,
        Better::More => one > other,
    };
    let cells = values.iter().map(|value| {
        let best = !values.iter().any(|other| beats(other, value));
        let some_worse = values.iter().any(|other| beats(value, other));
        Cell {
            text: text(value),
            standing: if best && some_worse {
                Standing::Best
            } else {
                Standing::Plain
            },
        }
    });
    Row {
        label,
        cells: cells.collect(),
    }
}
