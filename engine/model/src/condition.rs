use crate::Value;

/// A condition that the device index can answer: a filter's hint of what to show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Which field.
    pub field: IndexedField,
    /// How it must be.
    pub relation: Relation,
}

/// The fields of a device that are indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of Device's fields")]
pub enum IndexedField {
    Id,
    Kind,
    Version,
    Status,
    Location,
    /// Any of the device's tags.
    Tag,
    /// The attribute of this name.
    Attribute(String),
}

/// Numbers are equal if their values are, whether whole or real; text and numbers never
/// are. A field that the device lacks fulfils nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Relation {
    /// The field has this value.
    Equals(Value),
    /// The field has one of these values; none of none.
    OneOf(Vec<Value>),
}
