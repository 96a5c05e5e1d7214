use std::{borrow::Borrow, sync::Arc, time::Duration};

use futures_util::future::try_join_all;
use windlass_model::{Condition, Device, IndexedField as Field, Relation, Timestamp};

use crate::{
    OpenError, PluginError, PluginErrorKind,
    bindings::{filter, types},
    contract::{FilterContract, Opening},
    convert::{Projection, cut, device_record, value},
    guest::{Opened, Template},
    limits::{BATCH, TEXT_BYTES},
    refusal::{Refusal, refusals},
};

/// A filter that was opened with an expression and settings. Cheap to clone.
#[derive(Clone)]
pub struct Filter {
    opened: Arc<Opened<FilterContract>>,
    projection: Arc<Projection>,
    narrow: Arc<[Condition]>,
}

impl Filter {
    pub(crate) async fn open(
        template: Arc<Template<FilterContract>>,
        opening: Opening,
    ) -> Result<Self, OpenError> {
        let shared = Arc::clone(&template.shared);
        shared
            .runtimes
            .on_guests(async move {
                let opened = Opened::open(template, opening).await?;
                let projection = opened.projection().await?;
                let narrow = opened
                    .call(
                        "narrow",
                        Duration::ZERO,
                        |store, guest, filter| {
                            Box::pin(async move {
                                guest.compiled_filter().call_narrow(store, filter).await
                            })
                        },
                        |said| Ok(said.into_iter().filter_map(condition).collect()),
                    )
                    .await?;
                Ok(Self {
                    opened,
                    projection,
                    narrow,
                })
            })
            .await
    }

    /// What the device index may be asked first; may be empty. A device that does not
    /// fulfil it does not match.
    pub fn narrow(&self) -> &[Condition] {
        &self.narrow
    }

    /// Whether each of `devices` matches, in their order.
    ///
    /// # Errors
    ///
    /// If the filter fails, or says that it cannot be evaluated.
    pub async fn matches(
        &self,
        now: Timestamp,
        devices: &[impl Borrow<Device> + Sync],
    ) -> Result<Vec<bool>, PluginError> {
        let at_once = self.opened.template.shared.runtimes.guest_workers();
        let mut matches = Vec::with_capacity(devices.len());
        for several in devices.chunks(BATCH * at_once) {
            let batches = several.chunks(BATCH);
            let answers = batches.map(|batch| self.match_batch(now, batch));
            for answered in try_join_all(answers).await? {
                matches.extend(answered);
            }
        }
        Ok(matches)
    }

    /// What keeps `device` out, in the order of the expression; none if it matches, or if the
    /// filter cannot tell.
    ///
    /// # Errors
    ///
    /// If the filter fails, or names a part that its expression does not have.
    pub async fn explain(
        &self,
        now: Timestamp,
        device: &Device,
    ) -> Result<Vec<Refusal>, PluginError> {
        let record = device_record(device, &self.projection);
        let opened = Arc::clone(&self.opened);
        let shared = Arc::clone(&opened.template.shared);
        shared
            .runtimes
            .on_guests(async move {
                opened
                    .call(
                        "explain",
                        Duration::ZERO,
                        move |store, guest, filter| {
                            Box::pin(async move {
                                guest
                                    .compiled_filter()
                                    .call_explain(store, filter, now.0, &record)
                                    .await
                            })
                        },
                        |said| refusals(said, opened.expression()),
                    )
                    .await
            })
            .await
    }

    fn match_batch<D: Borrow<Device>>(
        &self,
        now: Timestamp,
        batch: &[D],
    ) -> impl Future<Output = Result<Vec<bool>, PluginError>> + Send + use<D> {
        let count = batch.len();
        let records: Vec<_> = batch
            .iter()
            .map(|device| device_record(device.borrow(), &self.projection))
            .collect();
        let opened = Arc::clone(&self.opened);
        let shared = Arc::clone(&opened.template.shared);
        let extra = shared.limits.device_cpu * u32::try_from(count).unwrap_or(u32::MAX);
        async move {
            shared
                .runtimes
                .on_guests(async move {
                    opened
                        .call(
                            "matches",
                            extra,
                            move |store, guest, filter| {
                                Box::pin(async move {
                                    guest
                                        .compiled_filter()
                                        .call_matches(store, filter, now.0, &records)
                                        .await
                                })
                            },
                            |said| match said {
                                Ok(bits) => unpack(&bits, count),
                                Err(text) => Err(PluginErrorKind::Declined(cut(text).into())),
                            },
                        )
                        .await
                })
                .await
        }
    }
}

/// One answer per device, if the bits are laid out as the contract demands.
fn unpack(bits: &[u8], count: usize) -> Result<Vec<bool>, PluginErrorKind> {
    let is_set = |index: usize| bits[index / 8] >> (index % 8) & 1 == 1;
    if bits.len() != count.div_ceil(8) {
        return Err(PluginErrorKind::Contract(
            format!("{} bytes of answers for {count} devices", bits.len()).into(),
        ));
    }
    if (count..bits.len() * 8).any(is_set) {
        return Err(PluginErrorKind::Contract(
            format!("it answered for more than the {count} devices it was given").into(),
        ));
    }
    Ok((0..count).map(is_set).collect())
}

/// None for one with a text that would have to be cut: what was left of it would be another
/// condition, and could keep matching devices from the filter.
fn condition(said: filter::Condition) -> Option<Condition> {
    let is_whole = |value: &types::Value| match value {
        types::Value::Text(text) | types::Value::Json(text) => text.len() <= TEXT_BYTES,
        types::Value::Integer(_) | types::Value::Real(_) | types::Value::Boolean(_) => true,
    };
    let values = match &said.relation {
        filter::Relation::Equals(value) => std::slice::from_ref(value),
        filter::Relation::OneOf(values) => values,
    };
    if !values.iter().all(is_whole) {
        return None;
    }
    Some(Condition {
        field: match said.field {
            filter::IndexedField::Id => Field::Id,
            filter::IndexedField::Kind => Field::Kind,
            filter::IndexedField::Version => Field::Version,
            filter::IndexedField::Status => Field::Status,
            filter::IndexedField::Location => Field::Location,
            filter::IndexedField::Tag => Field::Tag,
            filter::IndexedField::Attribute(name) => Field::Attribute(name),
        },
        relation: match said.relation {
            filter::Relation::Equals(said) => Relation::Equals(value(said)),
            filter::Relation::OneOf(said) => Relation::OneOf(said.into_iter().map(value).collect()),
        },
    })
}
