//! The types that the checker tells apart.

use std::fmt;

use cel::common::ast::LiteralValue;

/// A type as far as it is known without a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    Timestamp,
    Duration,
    Semver,
    Null,
    /// The type of a value, as `type(x)` gives it.
    Kind,
    List(Box<Type>),
    Map,
    /// `device.attributes`.
    Attributes,
    /// Known only when a device is asked.
    Any,
}

impl Type {
    pub(crate) fn of(literal: &LiteralValue) -> Self {
        match literal {
            LiteralValue::Boolean(_) => Self::Bool,
            LiteralValue::Bytes(_) => Self::Bytes,
            LiteralValue::Double(_) => Self::Double,
            LiteralValue::Int(_) => Self::Int,
            LiteralValue::Null => Self::Null,
            LiteralValue::String(_) => Self::Text,
            LiteralValue::UInt(_) => Self::Uint,
        }
    }

    /// The type that all of `types` share.
    pub(crate) fn common(types: Vec<Self>) -> Self {
        let mut types = types.into_iter();
        let Some(first) = types.next() else {
            return Self::Any;
        };
        if types.all(|other| other == first) {
            first
        } else {
            Self::Any
        }
    }

    /// Whether a value of this type can be where `wanted` is wanted.
    pub(crate) fn fits(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::List(_), Self::List(_)) => true,
            (Self::Attributes, Self::Map) => true,
            (found, wanted) => found == wanted,
        }
    }

    /// Whether `==` can ever hold between the two.
    pub(crate) fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::List(one), Self::List(other)) => one.comparable(other),
            (one, other) => {
                (one.is_number() && other.is_number()) || one.fits(other) || other.fits(one)
            }
        }
    }

    /// Whether `<` knows an order between the two.
    pub(crate) fn ordered(&self, other: &Self) -> bool {
        let has_order = |kind: &Self| {
            !matches!(
                kind,
                Self::Null | Self::Kind | Self::List(_) | Self::Map | Self::Attributes
            )
        };
        has_order(self) && has_order(other) && self.comparable(other)
    }

    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Text => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Semver => "semver",
            Self::Null => "null",
            Self::Kind => "type",
            Self::List(_) => "list",
            Self::Map | Self::Attributes => "map",
            Self::Any => "value",
        })
    }
}
