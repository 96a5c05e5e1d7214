use crate::diagnostic::nearest;

/// The keys of a device that mean something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Id,
    Name,
    Address,
    Kind,
    Version,
    Status,
    Location,
    Timezone,
    Tags,
    Attributes,
    LastSeen,
    /// Kept as an attribute, but it must be a time.
    CreatedAt,
}

const KEYS: [(&str, Known); 14] = [
    ("id", Known::Id),
    ("name", Known::Name),
    ("address", Known::Address),
    ("kind", Known::Kind),
    ("firmware_version", Known::Version),
    ("version", Known::Version),
    ("status", Known::Status),
    ("location", Known::Location),
    ("timezone", Known::Timezone),
    ("tags", Known::Tags),
    ("metadata", Known::Attributes),
    ("attributes", Known::Attributes),
    ("last_seen", Known::LastSeen),
    ("created_at", Known::CreatedAt),
];

/// Shorter keys are too near to everything: `ip` to `id`, `line` to `kind`.
const MIN_GUESSED_BYTES: usize = 5;

/// What a key is.
pub(super) enum Key {
    Known(Known),
    /// One of the operator's own.
    Own,
    /// Probably this one misspelt.
    Misspelt(Known),
}

pub(super) fn classify(key: &str) -> Key {
    if let Some((_, known)) = KEYS.iter().find(|(name, _)| *name == key) {
        return Key::Known(*known);
    }
    let names = KEYS.iter().map(|(name, _)| *name);
    let same = names.clone().find(|name| name.eq_ignore_ascii_case(key));
    let near = if key.len() < MIN_GUESSED_BYTES {
        None
    } else {
        nearest(key, names.filter(|name| name.len() >= MIN_GUESSED_BYTES))
            .filter(|name| strsim::osa_distance(name, &key.to_lowercase()) <= 2)
    };
    let meant = same
        .or(near)
        .and_then(|name| KEYS.iter().find(|(key, _)| *key == name));
    match meant {
        Some((_, known)) => Key::Misspelt(*known),
        None => Key::Own,
    }
}

impl Known {
    /// Its usual name.
    pub(super) fn name(self) -> &'static str {
        KEYS.iter()
            .find(|(_, known)| *known == self)
            .map_or("", |(name, _)| *name)
    }
}
