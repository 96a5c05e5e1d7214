//! How sessions are shown: on a terminal, beside each other, as a page.

mod fixture;
mod page;
mod sides;
mod terminal;
mod widths;
