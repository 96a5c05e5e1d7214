//! Time zones by their names.

use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

/// The zones that are compiled in, so that an answer does not depend on the machine.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// The least likeness of a name that is worth a hint, of 0 to 1.
const MIN_LIKENESS: f64 = 0.7;

pub(crate) fn database() -> &'static TimeZoneDatabase {
    &DATABASE
}

/// The zone of this IANA name, in whatever case.
pub(crate) fn find(name: &str) -> Option<TimeZone> {
    DATABASE.get(name).ok()
}

/// Its IANA name; those of this crate all have one.
pub(crate) fn name(zone: &TimeZone) -> &str {
    zone.iana_name().unwrap_or("an unnamed zone")
}

/// The name most like this one: that of a zone of this city, or one that is spelt almost so.
pub(crate) fn nearest(wrong: &str) -> Option<String> {
    let wrong = wrong.trim().to_lowercase().replace(' ', "_");
    let likeness = |known: &str| {
        let known = known.to_lowercase();
        let city = known.rsplit('/').next().unwrap_or(&known);
        let whole = strsim::normalized_damerau_levenshtein(&wrong, &known);
        whole.max(strsim::normalized_damerau_levenshtein(&wrong, city))
    };
    DATABASE
        .available()
        .map(|known| (likeness(known.as_str()), known.as_str().to_owned()))
        .filter(|(likeness, _)| *likeness >= MIN_LIKENESS)
        .max_by(|one, other| one.0.total_cmp(&other.0).then_with(|| other.1.cmp(&one.1)))
        .map(|(_, name)| name)
}
