//! The fields of `device`, for the checker, the projection and the evaluation alike.

use crate::check::Type;

/// A field of `device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Field {
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
}

impl Field {
    pub(crate) const ALL: [Self; 11] = [
        Self::Id,
        Self::Name,
        Self::Address,
        Self::Kind,
        Self::Version,
        Self::Status,
        Self::Location,
        Self::Timezone,
        Self::Tags,
        Self::Attributes,
        Self::LastSeen,
    ];

    /// The field of this name in expressions.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    /// How expressions call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::Address => "address",
            Self::Kind => "kind",
            Self::Version => "version",
            Self::Status => "status",
            Self::Location => "location",
            Self::Timezone => "timezone",
            Self::Tags => "tags",
            Self::Attributes => "attributes",
            Self::LastSeen => "last_seen",
        }
    }

    pub(crate) fn kind(self) -> Type {
        match self {
            Self::Tags => Type::List(Box::new(Type::Text)),
            Self::Attributes => Type::Attributes,
            Self::LastSeen => Type::Timestamp,
            Self::Id
            | Self::Name
            | Self::Address
            | Self::Kind
            | Self::Version
            | Self::Status
            | Self::Location
            | Self::Timezone => Type::Text,
        }
    }
}
