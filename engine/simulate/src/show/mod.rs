//! How sessions are shown. The same sessions give the same bytes.
//!
//! - [`text`], [`side_by_side`]: on a terminal, within its width.
//! - [`html`]: one page for a browser, with charts as SVG and nothing from outside.
//! - `figures`, `compare`, `words`, `course`, `scale`, `numbers`: what both are made of.
//!
//! Names and reasons are from plugins and files: control characters never reach a terminal,
//! and markup never a page.

mod compare;
mod course;
mod figures;
mod foreign;
mod html;
mod look;
mod numbers;
mod scale;
mod text;
mod words;

pub use html::html;
pub use look::{Glyphs, Ink, Look};
pub use text::{side_by_side, text};
