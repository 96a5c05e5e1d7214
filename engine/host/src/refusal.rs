//! What keeps a device out of a filter.

use std::ops::Range;

use crate::{PluginErrorKind, bindings::filter, convert::cut, limits::REFUSALS};

/// A part of a filter's expression that keeps a device out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The part in bytes of the expression, on whole characters and not empty; none if the
    /// filter named none.
    pub part: Option<Range<usize>>,
    /// The end of a sentence that begins with the part; without a part, a whole sentence.
    pub text: String,
}

/// Those that a filter named, if there are such parts of its expression.
pub(crate) fn refusals(
    said: Vec<filter::Refusal>,
    expression: Option<&str>,
) -> Result<Vec<Refusal>, PluginErrorKind> {
    let known = |(start, end): (u32, u32)| {
        let part = start as usize..end as usize;
        let text = expression.unwrap_or_default();
        match text.get(part.clone()) {
            Some(named) if !named.is_empty() => Ok(part),
            Some(_) | None => Err(PluginErrorKind::Contract(
                format!(
                    "it names the bytes {start} to {end} of an expression of {}",
                    text.len()
                )
                .into(),
            )),
        }
    };
    said.into_iter()
        .take(REFUSALS)
        .map(|refusal| {
            Ok(Refusal {
                part: refusal.part.map(known).transpose()?,
                text: cut(refusal.text),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(expression: Option<&str>, part: (u32, u32)) -> Result<Vec<Refusal>, String> {
        let text = "is false".to_owned();
        let part = Some(part);
        refusals(vec![filter::Refusal { part, text }], expression)
            .map_err(|kind| format!("{kind:?}"))
    }

    /// Nothing of a guest is trusted: whoever shows a part may cut the expression there.
    #[test]
    fn a_part_that_is_none_is_a_breach_of_the_contract() {
        let good = named(Some("a == 'ä'"), (0, 9)).expect("it is all of it");
        assert_eq!(good[0].part, Some(0..9));
        for (expression, part) in [
            (Some("a == 'ä'"), (0, 10)),
            (Some("a == 'ä'"), (0, 7)),
            (Some("a == 'ä'"), (4, 2)),
            (Some("a == 'ä'"), (3, 3)),
            (Some("a == 'ä'"), (0, u32::MAX)),
            (None, (0, 1)),
        ] {
            let told = named(expression, part).expect_err("it is no part");
            assert!(told.contains("it names the bytes"), "{told}");
        }
    }
}
