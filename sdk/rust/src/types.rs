//! Devices and their fields, as filters and policies see them.

pub use crate::bindings::filter::windlass::plugin::types::{
    Attribute, Connectivity, Device, DeviceFields, Place, Problem, Projection, Release, Value,
};

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
pub type Timestamp = u64;

/// A length of time in milliseconds.
pub type Milliseconds = u64;

impl Device {
    /// The attribute of this name, if the device has it and the plugin asked for
    /// it.
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        let index = self
            .attributes
            .binary_search_by(|attribute| attribute.name.as_str().cmp(name))
            .ok()?;
        Some(&self.attributes[index].value)
    }
}

impl Projection {
    /// Every field and every attribute.
    pub fn everything() -> Self {
        Self::of(DeviceFields::all())
    }

    /// Only the id, which is always there.
    pub fn nothing() -> Self {
        Self::of(DeviceFields::empty())
    }

    /// These fields, and no attribute unless
    /// [`ALL_ATTRIBUTES`](DeviceFields::ALL_ATTRIBUTES) is among them.
    pub fn of(fields: DeviceFields) -> Self {
        Self {
            fields,
            attributes: Vec::new(),
        }
    }

    /// And the attribute of this name.
    #[must_use]
    pub fn and_attribute(mut self, name: impl Into<String>) -> Self {
        self.attributes.push(name.into());
        self
    }
}

impl Attribute {
    /// An attribute of this name and value.
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(_) | Self::Real(_) | Self::Boolean(_) | Self::Json(_) => None,
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}
