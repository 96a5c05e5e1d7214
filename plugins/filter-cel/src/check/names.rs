//! The nearest thing that exists to a name that does not.

use crate::fields::Field;

/// Names less alike than this have nothing to do with each other: `verson` is
/// meant as `version`, `region` is not.
const SIMILAR: f64 = 0.6;

/// The known name most like `name`.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| {
            (
                strsim::normalized_damerau_levenshtein(
                    &name.to_lowercase(),
                    &candidate.to_lowercase(),
                ),
                candidate,
            )
        })
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

pub(crate) fn unknown_field(name: &str) -> String {
    match nearest(name, Field::ALL.map(Field::name)) {
        Some(known) => {
            format!("did you mean `device.{known}`? An attribute is `device.attributes.{name}`")
        }
        None => format!("an attribute is `device.attributes.{name}`"),
    }
}

pub(crate) fn unknown_variable(name: &str) -> String {
    if Field::named(name).is_some() {
        return format!("a field is `device.{name}`");
    }
    match nearest(name, ["device", "now"]) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "the variables are `device` and `now`, and text is written in quotes".to_owned(),
    }
}
