use windlass_store::Retention;

use crate::config::{DEFAULT_KEEP_DECISIONS, DEFAULT_KEEP_EVENTS, reader::Reader};

pub(in crate::config) fn retention(root: &Reader<'_>) -> Retention {
    let section = root.section("retention");
    let keep = |name, preset| {
        let length = section.as_ref().and_then(|section| section.length(name));
        Some(length.map_or(preset, |length| length.value))
    };
    Retention {
        decisions: keep("decisions", DEFAULT_KEEP_DECISIONS),
        events: keep("events", DEFAULT_KEEP_EVENTS),
        attempts: keep("attempts", DEFAULT_KEEP_EVENTS),
    }
}
