//! Sessions on a terminal.
//!
//! - `sheet`: lines within a width, with labels, tables and colours.
//! - `chart`: what is drawn over time, of `area`, `strip`, `rulers` and `legend`.
//! - `cohorts`, `marks`: tables.
//! - `side`: several sessions beside each other.

mod area;
mod chart;
mod cohorts;
mod legend;
mod marks;
mod rulers;
mod sheet;
mod side;
mod strip;

use sheet::{Colour, Sheet};

use super::{
    Look,
    figures::{Blast, Figures},
    words,
};
use crate::{End, Session};

pub use side::side_by_side;

/// Everything about one session: how it ended, the figures, the cohorts, their course, and
/// what the policies said. Ends with a line feed; no line is wider than `look` allows.
pub fn text(session: &Session, look: &Look) -> String {
    let mut sheet = Sheet::new(*look);
    sheet.paragraph(&words::title(session), Some(Colour::Bold));
    sheet.paragraph(&words::origin(session), Some(Colour::Dim));
    sheet.blank();
    sheet.paragraph(&words::outcome(session), Some(end_colour(session)));
    sheet.blank();
    for (label, fact) in words::facts(session) {
        sheet.labelled(label, &fact);
    }
    cohorts::write(&mut sheet, session);
    chart::write(&mut sheet, session);
    marks::write(&mut sheet, session);
    sheet.finish()
}

fn end_colour(session: &Session) -> Colour {
    if Figures::of(session).blast == Blast::Exceeded {
        return Colour::Red;
    }
    match session.end {
        End::Completed(_) => Colour::Green,
        End::Aborted(_) | End::RolledBack(_) => Colour::Red,
        End::Blocked(..) | End::Unfinished => Colour::Yellow,
    }
}
