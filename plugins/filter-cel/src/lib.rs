//! Selects devices by an expression in the Common Expression Language.
//!
//! An expression is parsed once. The tree is then walked for what can never
//! work (`check`), its constant parts are computed (`fold`), what an index
//! can answer is taken from it (`narrow`), and what is left is asked of each
//! device (`filter`). Of a device that is left out, the parts that said no are
//! found in the text as it was written (`explain`). README.md gives the language and its meaning.

mod brackets;
mod check;
mod conjuncts;
mod explain;
mod fields;
mod filter;
mod fold;
mod narrow;
mod parse;
mod reads;
mod source;
mod value;

pub use filter::CelFilter;

windlass_sdk::export!(filter: CelFilter);
