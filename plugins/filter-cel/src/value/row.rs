//! One device and the instant, as the variables of an expression.

use cel::ExecutionError;
use cel::common::traits::Indexer;
use cel::common::types::{CelList, CelString, CelTimestamp, Type};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use chrono::DateTime;
use windlass_sdk::{Connectivity, Device};

use super::attributes::{Lookup, name_of};
use crate::fields::Field;

static DEVICE: Type = Type::new_unspecified_type("device");

/// A value computed when the filter was opened. No expression can spell its
/// name, `@` and its index.
pub(crate) type Constant = Box<dyn Val + 'static>;

/// Answers an expression's variables for one device.
pub(crate) struct Row<'a> {
    device: DeviceVal<'a>,
    attributes: Lookup<'a>,
    now: u64,
    constants: &'a [Constant],
}

impl<'a> Row<'a> {
    pub(crate) fn new(device: &'a Device, now: u64, constants: &'a [Constant]) -> Self {
        Self {
            device: DeviceVal(device),
            attributes: Lookup::Attributes(&device.attributes),
            now,
            constants,
        }
    }

    fn path<'b>(&'b self, path: &str) -> Option<CowVal<'b, 'b>> {
        match path.split_once('.') {
            None if path == Field::Attributes.name() => Some(CowVal::Borrowed(&self.attributes)),
            None => self.device.field(path).map(CowVal::Owned),
            Some(("attributes", name)) if !name.contains('.') => {
                self.attributes.find(name).map(CowVal::Owned)
            }
            Some(_) => None,
        }
    }
}

impl VariableResolver for Row<'_> {
    /// Paths such as `device.kind` are answered whole; of longer ones, into JSON,
    /// the interpreter asks for the beginning and goes on by itself.
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        if let Some(rest) = variable.strip_prefix("device") {
            return match rest.strip_prefix('.') {
                Some(path) => self.path(path),
                None if rest.is_empty() => Some(CowVal::Borrowed(&self.device)),
                None => None,
            };
        }
        if let Some(index) = variable.strip_prefix('@') {
            let constant = self.constants.get(index.parse::<usize>().ok()?)?;
            return Some(CowVal::Borrowed(constant.as_ref()));
        }
        (variable == "now").then(|| timestamp(self.now).map(CowVal::Owned))?
    }
}

/// `device` itself, which answers `has(device.kind)`.
#[derive(Clone, Debug)]
struct DeviceVal<'a>(&'a Device);

impl<'a> DeviceVal<'a> {
    /// None for a field that the device lacks.
    fn field(&self, name: &str) -> Option<Box<dyn Val + 'a>> {
        let device = self.0;
        let text =
            |text: &'a str| -> Option<Box<dyn Val + 'a>> { Some(Box::new(CelString::from(text))) };
        match Field::named(name)? {
            Field::Id => text(&device.id),
            Field::Name => text(&device.name),
            Field::Address => text(&device.address),
            Field::Kind => text(device.kind.as_deref()?),
            Field::Version => text(device.version.as_deref()?),
            Field::Status => text(match device.status {
                Connectivity::Online => "online",
                Connectivity::Offline => "offline",
                Connectivity::Unknown => "unknown",
            }),
            Field::Location => text(device.location.as_deref()?),
            Field::Timezone => text(device.timezone.as_deref()?),
            Field::Tags => {
                let tags = device.tags.iter().filter_map(|tag| text(tag));
                Some(Box::new(CelList::from(tags.collect::<Vec<_>>())))
            }
            Field::Attributes => Some(Box::new(Lookup::Attributes(&device.attributes))),
            Field::LastSeen => timestamp(device.last_seen?),
        }
    }
}

/// None for an instant that CEL's calendar does not reach, after the year 9999.
fn timestamp<'a>(instant: u64) -> Option<Box<dyn Val + 'a>> {
    let instant = DateTime::from_timestamp_millis(i64::try_from(instant).ok()?)?;
    Some(Box::new(CelTimestamp::from(instant.fixed_offset())))
}

impl Val for DeviceVal<'_> {
    fn get_type(&self) -> &Type {
        &DEVICE
    }

    fn cel_type() -> &'static Type {
        &DEVICE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for DeviceVal<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = name_of(key)?;
        self.field(&name)
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
