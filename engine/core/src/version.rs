//! How versions compare (design §7.10): as semver where both parse, otherwise not at all.

use std::cmp::Ordering;

use semver::Version;

/// How a device's version relates to a release's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The same text, or semver versions that differ in nothing.
    Same,
    /// The device's precedes the release's.
    Older,
    /// The device's succeeds the release's.
    Newer,
    /// They differ and have no order: one does not parse, or they differ in build
    /// metadata only.
    Unordered,
}

/// Relates the version that a device runs to that of a release.
pub fn relate(device: &str, release: &str) -> Relation {
    if device == release {
        return Relation::Same;
    }
    let (Ok(device), Ok(release)) = (Version::parse(device), Version::parse(release)) else {
        return Relation::Unordered;
    };
    match device.cmp_precedence(&release) {
        Ordering::Less => Relation::Older,
        Ordering::Greater => Relation::Newer,
        Ordering::Equal => Relation::Unordered,
    }
}

#[cfg(test)]
mod tests {
    use super::{Relation, relate};

    /// Design §7.10.
    #[test]
    fn versions_compare_as_semver_or_not_at_all() {
        for (device, release, expected) in [
            ("2.3.0", "2.3.0", Relation::Same),
            ("2.9.0", "2.10.0", Relation::Older),
            ("2.3.0", "2.3.0-rc.1", Relation::Newer),
            ("2.3.0+a", "2.3.0+b", Relation::Unordered),
            ("r17", "r17", Relation::Same),
            ("r17", "r18", Relation::Unordered),
            ("2.3", "2.3.0", Relation::Unordered),
        ] {
            assert_eq!(relate(device, release), expected, "{device} and {release}");
        }
    }
}
