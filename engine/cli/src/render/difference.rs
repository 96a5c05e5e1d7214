//! A decision that came out otherwise when it was run again.

use windlass_model::PluginName;
use windlass_store::StoredDecision;

use super::numbers::time;
use crate::{
    diagnostic::clean,
    replay::{Field, Parting},
};

/// Of two texts that begin alike, so much of what is alike is shown.
const CONTEXT_CHARS: usize = 40;

/// The decision, and then and now of every field that differs.
pub fn difference_text(stored: &StoredDecision, fields: &[Field]) -> String {
    let StoredDecision { id, record, .. } = stored;
    let at = time(record.at);
    let head = format!("decision {id} of policy {}, {at}:\n", record.policy);
    head + &side_by_side(fields, "again")
}

/// The decision, and what another policy says otherwise.
pub fn parting_text(stored: &StoredDecision, candidate: &PluginName, parting: &Parting) -> String {
    let StoredDecision { id, record, .. } = stored;
    let at = time(record.at);
    let head = format!("decision {id} of policy {}, {at}:\n", record.policy);
    head + &side_by_side(&parting.fields, &clean(candidate.as_str()))
}

/// What was recorded over what is said now, by whom.
fn side_by_side(fields: &[Field], by: &str) -> String {
    let wide = "recorded".len().max(by.chars().count());
    let mut text = String::new();
    for field in fields {
        let recorded = field.recorded.as_deref().unwrap_or("none");
        let again = field.again.as_deref().unwrap_or("none");
        let skipped = alike(recorded, again).saturating_sub(CONTEXT_CHARS);
        text.push_str(&format!("    {}\n", clean(&field.name)));
        for (who, said) in [("recorded", recorded), (by, again)] {
            text.push_str(&format!("        {who:<wide$}  {}\n", from(said, skipped)));
        }
    }
    text
}

/// How many characters two texts have in common at their beginning.
fn alike(one: &str, other: &str) -> usize {
    let both = one.chars().zip(other.chars());
    both.take_while(|(one, other)| one == other).count()
}

fn from(text: &str, skipped: usize) -> String {
    let rest: String = text.chars().skip(skipped).collect();
    let rest = clean(&rest);
    match skipped {
        0 => rest,
        _ => format!("…{rest}"),
    }
}
