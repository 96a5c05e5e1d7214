use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::reader::Context;
use crate::diagnostic::Span;

/// A plugin's settings as JSON, with the place of each value.
#[derive(Clone, Debug)]
pub struct Settings {
    value: Value,
    place: Place,
}

/// Where a JSON value is written, and where the values inside it are.
#[derive(Clone, Debug)]
struct Place {
    key: Option<Span>,
    value: Span,
    inside: Inside,
}

#[derive(Clone, Debug)]
enum Inside {
    Nothing,
    List(Vec<Place>),
    Table(BTreeMap<String, Place>),
}

impl Settings {
    /// No settings; `header` is the plugin's table.
    pub(super) fn empty(header: Span) -> Self {
        Self::of(Value::Object(Map::new()), header)
    }

    /// Settings that are written nowhere.
    pub(super) fn of(value: Value, place: Span) -> Self {
        let place = Place {
            key: None,
            value: place,
            inside: Inside::Nothing,
        };
        Self { value, place }
    }

    /// Reports what JSON cannot hold, and a value that is no table.
    pub(super) fn read(context: &Context<'_>, value: &Spanned<DeValue<'_>>) -> Option<Self> {
        if !value.get_ref().is_table() {
            context.wrong_type(value, "settings", "a table");
            return None;
        }
        let (value, place) = convert(context, None, value)?;
        Some(Self { value, place })
    }

    /// The settings: always an object.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where the value that a JSON pointer (RFC 6901) names is written. A pointer that
    /// leads further than the settings gives the place where it leaves them.
    pub(super) fn locate(&self, pointer: &str) -> Span {
        self.find(pointer).value
    }

    /// As [`Self::locate`], but the key, if the value has one.
    pub(super) fn locate_key(&self, pointer: &str) -> Span {
        let place = self.find(pointer);
        place.key.unwrap_or(place.value)
    }

    /// Where this text is written first; the settings as a whole if nowhere.
    pub(super) fn locate_text(&self, text: &str) -> Span {
        holding(&self.value, &self.place, text)
            .unwrap_or(&self.place)
            .value
    }

    fn find(&self, pointer: &str) -> &Place {
        let mut place = &self.place;
        for token in pointer.split('/').skip(1) {
            let token = token.replace("~1", "/").replace("~0", "~");
            let next = match &place.inside {
                Inside::Nothing => None,
                Inside::List(items) => token.parse().ok().and_then(|index: usize| items.get(index)),
                Inside::Table(values) => values.get(&token),
            };
            match next {
                Some(next) => place = next,
                None => break,
            }
        }
        place
    }
}

/// The place of the first value that is this text.
fn holding<'a>(value: &Value, place: &'a Place, text: &str) -> Option<&'a Place> {
    match (value, &place.inside) {
        (Value::String(found), _) => (found == text).then_some(place),
        (Value::Array(values), Inside::List(places)) => values
            .iter()
            .zip(places)
            .find_map(|(value, place)| holding(value, place, text)),
        (Value::Object(values), Inside::Table(places)) => values
            .iter()
            .find_map(|(key, value)| holding(value, places.get(key)?, text)),
        _ => None,
    }
}

fn convert(
    context: &Context<'_>,
    key: Option<Span>,
    value: &Spanned<DeValue<'_>>,
) -> Option<(Value, Place)> {
    let mut inside = Inside::Nothing;
    let span = value.span().into();
    let json = match value.get_ref() {
        DeValue::String(text) => Some(Value::String(text.as_ref().to_owned())),
        DeValue::Integer(integer) => {
            let (digits, radix) = (integer.as_str(), integer.radix());
            i64::from_str_radix(digits, radix)
                .map(Number::from)
                .or_else(|_| u64::from_str_radix(digits, radix).map(Number::from))
                .map(Value::Number)
                .ok()
        }
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .ok()
            .and_then(Number::from_f64)
            .map(Value::Number),
        DeValue::Boolean(flag) => Some(Value::Bool(*flag)),
        DeValue::Datetime(datetime) => Some(Value::String(datetime.to_string())),
        DeValue::Array(items) => {
            let converted: Vec<_> = items
                .iter()
                .map(|item| convert(context, None, item))
                .collect();
            let (values, places) = converted
                .into_iter()
                .collect::<Option<(Vec<_>, Vec<_>)>>()?;
            inside = Inside::List(places);
            Some(Value::Array(values))
        }
        DeValue::Table(table) => {
            let (values, places) = convert_table(context, table)?;
            inside = Inside::Table(places);
            Some(Value::Object(values))
        }
    };
    if json.is_none() {
        let message = "a number that settings cannot hold";
        context.error(span, message, "not finite, or beyond 64 bits");
    }
    let place = Place {
        key,
        value: span,
        inside,
    };
    Some((json?, place))
}

fn convert_table(
    context: &Context<'_>,
    table: &DeTable<'_>,
) -> Option<(Map<String, Value>, BTreeMap<String, Place>)> {
    let converted: Vec<_> = table
        .iter()
        .map(|(key, value)| {
            let name = key.get_ref().as_ref().to_owned();
            (name, convert(context, Some(key.span().into()), value))
        })
        .collect();
    let mut values = Map::new();
    let mut places = BTreeMap::new();
    for (name, converted) in converted {
        let (value, place) = converted?;
        values.insert(name.clone(), value);
        places.insert(name, place);
    }
    Some((values, places))
}
