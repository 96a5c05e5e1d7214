//! What a filter says of a device that it leaves out, in one line.

use windlass_host::Refusal;

use crate::diagnostic::{clean, quote};

/// The parts that say no, each quoted; none if the filter named none.
pub fn refusal_text(expression: Option<&str>, refusals: &[Refusal]) -> Option<String> {
    let texts: Vec<_> = refusals
        .iter()
        .map(|refusal| {
            let part = refusal.part.clone();
            let quoted = part.and_then(|part| expression?.get(part)).map(quote);
            match (quoted, clean(&refusal.text)) {
                (Some(part), text) => format!("{part} {text}"),
                (None, text) => text,
            }
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join(", and "))
}
