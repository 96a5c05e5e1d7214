use std::collections::BTreeMap;

use windlass_model::{Connectivity, Device, DeviceId, Timestamp, Value};

use super::{
    address,
    examine::Examined,
    keys::{Key, Known, classify},
    value::{Content, Misfit, time, word},
};
use crate::diagnostic::{Diagnostic, Span, quote};

const STATUS: [(&str, Connectivity); 3] = [
    ("online", Connectivity::Online),
    ("offline", Connectivity::Offline),
    ("unknown", Connectivity::Unknown),
];

/// A device that is being put together from the fields of a record.
#[derive(Default)]
pub(super) struct Draft {
    /// With its place, to point at a second one of the same id.
    id: Option<(DeviceId, Span)>,
    name: Option<String>,
    address: Option<String>,
    kind: Option<String>,
    version: Option<String>,
    status: Option<Connectivity>,
    location: Option<String>,
    timezone: Option<String>,
    tags: Option<Vec<String>>,
    attributes: BTreeMap<String, Value>,
    last_seen: Option<Timestamp>,
    /// Known keys that were there, right or wrong.
    seen: Vec<Known>,
    /// Known keys that were wrong.
    refused: Vec<Known>,
    problems: Vec<Diagnostic>,
}

/// What came of a draft.
pub(super) struct Finished {
    /// If that at least is right.
    pub(super) id: Option<DeviceId>,
    /// If all of it is right.
    pub(super) device: Option<Device>,
    pub(super) problems: Vec<Diagnostic>,
}

impl Draft {
    /// Adds what stands under a known key.
    pub(super) fn set(
        &mut self,
        examined: &Examined<'_>,
        key: Known,
        content: Content<'_>,
        span: Span,
    ) {
        if self.seen.contains(&key) {
            let message = format!("`{}` is given twice", key.name());
            self.problems.push(examined.error(span, message, "again"));
            return;
        }
        self.seen.push(key);
        if content.is_absent() {
            return;
        }
        if let Err(misfit) = self.try_set(key, content, span) {
            self.refused.push(key);
            self.misfit(examined, key.name(), misfit, span);
        }
    }

    fn try_set(&mut self, key: Known, content: Content<'_>, span: Span) -> Result<(), Misfit> {
        match key {
            Known::Id => self.id = Some((id(content)?, span)),
            Known::Name => self.name = Some(content.text()?),
            Known::Address => self.address = Some(checked_address(content)?),
            Known::Kind => self.kind = not_empty(content.text()?),
            Known::Version => self.version = not_empty(content.text()?),
            Known::Status => self.status = Some(word(&content.text()?, &STATUS)?),
            Known::Location => self.location = not_empty(content.text()?),
            Known::Timezone => self.timezone = not_empty(content.text()?),
            Known::Tags => self.tags = Some(content.tags()?),
            Known::LastSeen => self.last_seen = Some(time(&content.text()?)?),
            Known::CreatedAt => {
                let text = content.text()?;
                time(&text)?;
                let name = key.name().to_owned();
                self.attributes.insert(name, Value::Text(text));
            }
            // Its values are set one by one.
            Known::Attributes => {}
        }
        Ok(())
    }

    /// Adds an attribute.
    pub(super) fn set_attribute(
        &mut self,
        examined: &Examined<'_>,
        name: &str,
        content: Content<'_>,
        span: Span,
    ) {
        if content.is_absent() {
            return;
        }
        match content.attribute() {
            Ok(None) => {}
            Ok(Some(value)) => {
                if self.attributes.insert(name.to_owned(), value).is_some() {
                    let message = format!("attribute {} is given twice", quote(name));
                    self.problems.push(examined.error(span, message, "again"));
                }
            }
            Err(misfit) => self.misfit(examined, name, misfit, span),
        }
    }

    /// Adds a field under whatever key it stands.
    pub(super) fn set_field(
        &mut self,
        examined: &Examined<'_>,
        (key, key_span): (&str, Span),
        content: Content<'_>,
        span: Span,
    ) {
        match classify(key) {
            Key::Known(known) => self.set(examined, known, content, span),
            Key::Own => self.set_attribute(examined, key, content, span),
            Key::Misspelt(meant) => {
                self.refused.push(meant);
                self.problems.push(misspelt(examined, key, key_span, meant));
            }
        }
    }

    pub(super) fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    fn misfit(&mut self, examined: &Examined<'_>, key: &str, misfit: Misfit, span: Span) {
        let message = format!("{}: {}", quote(key), misfit.message);
        let problem = if misfit.is_secret {
            Diagnostic::error(message).in_file(examined.place_of(span))
        } else {
            examined.error(span, message, "")
        };
        self.problems.push(match misfit.help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    pub(super) fn id_span(&self) -> Option<Span> {
        self.id.as_ref().map(|(_, span)| *span)
    }

    /// `record` is where to point if something is missing.
    pub(super) fn finish(mut self, examined: &Examined<'_>, record: Span) -> Finished {
        let required = [
            (Known::Id, self.id.is_none()),
            (Known::Address, self.address.is_none()),
        ];
        for (key, absent) in required {
            if absent && !self.refused.contains(&key) {
                let name = key.name();
                let message = format!("a device without `{name}`");
                let label = format!("has no `{name}`");
                self.problems.push(examined.error(record, message, label));
            }
        }
        let id = self.id.map(|(id, _)| id);
        let device = match (&id, self.address) {
            (Some(id), Some(address)) if self.problems.is_empty() => Some(Device {
                id: id.clone(),
                name: self.name.unwrap_or_default(),
                address,
                kind: self.kind,
                version: self.version,
                status: self.status.unwrap_or_default(),
                location: self.location,
                timezone: self.timezone,
                tags: self.tags.unwrap_or_default(),
                attributes: self.attributes,
                last_seen: self.last_seen,
            }),
            _ => None,
        };
        Finished {
            id,
            device,
            problems: self.problems,
        }
    }
}

pub(super) fn misspelt(examined: &Examined<'_>, key: &str, span: Span, meant: Known) -> Diagnostic {
    examined
        .error(span, format!("unknown key {}", quote(key)), "")
        .help(format!("did you mean `{}`?", meant.name()))
        .note("an attribute of this name can be given under `metadata`")
}

fn id(content: Content<'_>) -> Result<DeviceId, Misfit> {
    let text = content.text()?;
    if text.is_empty() {
        return Err(Misfit::new("it is empty"));
    }
    if text.len() > DeviceId::MAX_BYTES {
        let (length, most) = (text.len(), DeviceId::MAX_BYTES);
        let message = format!("it is {length} bytes long; at most {most} are allowed");
        return Err(Misfit::new(message));
    }
    if text.chars().any(char::is_control) {
        return Err(Misfit::new("there is a control character in it"));
    }
    Ok(DeviceId::new(text))
}

fn checked_address(content: Content<'_>) -> Result<String, Misfit> {
    let text = content.text()?;
    address::check(&text)?;
    Ok(text)
}

fn not_empty(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}
