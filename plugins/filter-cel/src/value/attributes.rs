//! Attributes and JSON objects as values that are looked into on demand.

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelNull, CelString, CelUInt, MAP_TYPE, Type,
};
use cel::common::value::{CowVal, Val};
use windlass_sdk::{Attribute, Value};

/// Text-keyed values with no order that an expression could see, so that equal
/// devices get equal answers. They cannot be iterated over.
#[derive(Clone, Debug)]
pub(crate) enum Lookup<'a> {
    /// A device's attributes, sorted by name.
    Attributes(&'a [Attribute]),
    /// An attribute's JSON object, or an object inside one.
    Object(serde_json::Map<String, serde_json::Value>),
}

impl<'a> Lookup<'a> {
    pub(crate) fn find(&self, name: &str) -> Option<Box<dyn Val + 'a>> {
        match self {
            Self::Attributes(attributes) => attributes
                .binary_search_by(|attribute| attribute.name.as_str().cmp(name))
                .ok()
                .and_then(|index| value(&attributes[index].value)),
            Self::Object(members) => members.get(name).cloned().and_then(json),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Attributes(attributes) => attributes.len(),
            Self::Object(members) => members.len(),
        }
    }
}

/// The value of an attribute; none for text that claims to be JSON and is not.
fn value(value: &Value) -> Option<Box<dyn Val + '_>> {
    Some(match value {
        Value::Text(text) => Box::new(CelString::from(text.as_str())),
        Value::Integer(number) => Box::new(CelInt::from(*number)),
        Value::Real(number) => Box::new(CelDouble::from(*number)),
        Value::Boolean(truth) => Box::new(CelBool::from(*truth)),
        Value::Json(text) => return serde_json::from_str(text).ok().and_then(json),
    })
}

fn json<'a>(value: serde_json::Value) -> Option<Box<dyn Val + 'a>> {
    Some(match value {
        serde_json::Value::Null => Box::new(CelNull),
        serde_json::Value::Bool(truth) => Box::new(CelBool::from(truth)),
        serde_json::Value::String(text) => Box::new(CelString::from(text)),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Box::new(CelInt::from(number)),
            (None, Some(number)) => Box::new(CelUInt::from(number)),
            (None, None) => Box::new(CelDouble::from(number.as_f64()?)),
        },
        serde_json::Value::Array(items) => {
            let items: Option<Vec<Box<dyn Val + 'a>>> = items.into_iter().map(json).collect();
            Box::new(CelList::from(items?))
        }
        serde_json::Value::Object(members) => Box::new(Lookup::Object(members)),
    })
}

impl Val for Lookup<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Sizer for Lookup<'_> {
    fn size(&self) -> CelInt {
        i64::try_from(self.len()).unwrap_or(i64::MAX).into()
    }
}

impl Container for Lookup<'_> {
    fn contains(&self, key: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(self.find(&name_of(key)?).is_some())
    }
}

impl Indexer for Lookup<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = name_of(key)?;
        self.find(&name)
            .map(CowVal::Owned)
            .ok_or_else(|| ExecutionError::no_such_key(&name))
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

/// The text of a key.
pub(crate) fn name_of(key: &dyn Val) -> Result<String, ExecutionError> {
    key.downcast_ref::<CelString>()
        .map(|name| name.inner().to_owned())
        .ok_or_else(|| ExecutionError::UnexpectedType {
            got: key.get_type().name().to_owned(),
            want: "string".to_owned(),
        })
}
