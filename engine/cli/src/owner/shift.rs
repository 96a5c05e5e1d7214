//! How policies differ from those before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use windlass_model::PluginPin;

use crate::control::{MemoFate, PolicyChange, PolicyShift, SettingChange};

/// Whose memo the policy at `place` of `after` takes over: that of its name, or else the one
/// whose place it takes.
pub(super) fn ancestor(before: &[PluginPin], after: &[PluginPin], place: usize) -> Option<usize> {
    let name = &after.get(place)?.name;
    let same = before.iter().position(|pin| pin.name == *name);
    let replaced = || {
        let at = before.get(place)?;
        let gone = after.iter().all(|pin| pin.name != at.name);
        gone.then_some(place)
    };
    same.or_else(replaced)
}

/// Each policy of either side; `fates` are those of the memos of `after`.
pub(super) fn shifts(
    (before, kept): (&[PluginPin], &[Option<String>]),
    (after, settings): (&[PluginPin], &[Value]),
    fates: Vec<MemoFate>,
) -> Vec<PolicyShift> {
    let gone = before
        .iter()
        .filter(|pin| after.iter().all(|new| new.name != pin.name))
        .map(|pin| PolicyShift {
            name: pin.name.clone(),
            change: PolicyChange::Gone,
        });
    let there = after.iter().zip(settings).zip(fates);
    let there = there.map(|((pin, settings), memo)| {
        let old = before
            .iter()
            .zip(kept)
            .find(|(old, _)| old.name == pin.name);
        let change = match old {
            None => PolicyChange::New {
                component: pin.component.to_string(),
                memo,
            },
            Some((old, _)) if old == pin => PolicyChange::Kept,
            Some((old, kept)) => PolicyChange::Changed {
                component: (old.component != pin.component)
                    .then(|| (old.component.to_string(), pin.component.to_string())),
                settings: differences(kept.as_deref(), settings),
                memo,
            },
        };
        PolicyShift {
            name: pin.name.clone(),
            change,
        }
    });
    gone.chain(there).collect()
}

fn differences(before: Option<&str>, after: &Value) -> Vec<SettingChange> {
    let before = before.and_then(|json| serde_json::from_str(json).ok());
    let before = leaves(&before.unwrap_or(Value::Null));
    let after = leaves(after);
    let settings: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = settings.into_iter().map(|setting| SettingChange {
        setting: setting.clone(),
        before: before.get(setting).cloned(),
        after: after.get(setting).cloned(),
    });
    changes
        .filter(|change| change.before != change.after)
        .collect()
}

/// Every value that holds no others, as JSON by its pointer.
fn leaves(value: &Value) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut open = vec![(String::new(), value)];
    while let Some((pointer, value)) = open.pop() {
        match value {
            Value::Object(fields) => {
                let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
                let fields = fields.iter();
                open.extend(
                    fields.map(|(key, value)| (format!("{pointer}/{}", escaped(key)), value)),
                );
            }
            Value::Array(items) => {
                let items = items.iter().enumerate();
                open.extend(items.map(|(place, value)| (format!("{pointer}/{place}"), value)));
            }
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                found.insert(pointer, value.to_string());
            }
        }
    }
    found
}
