use std::num::NonZeroUsize;

use super::limits::limits;
use crate::config::{
    DEFAULT_CACHE, DEFAULT_CONCURRENCY, DEFAULT_STATE, EngineSection, StateLocation, reader::Reader,
};

const CONCURRENCY: NonZeroUsize =
    NonZeroUsize::new(DEFAULT_CONCURRENCY).expect("the default is at least 1");

pub(in crate::config) fn engine(root: &Reader<'_>) -> EngineSection {
    let context = root.context;
    let section = root.section("engine");
    let section = section.as_ref();
    let state = section.and_then(|section| section.text("state"));
    let concurrency = section.and_then(|section| section.count("concurrency"));
    let cache = section.and_then(|section| section.text("cache"));
    EngineSection {
        state_span: state.as_ref().map(|state| state.span),
        state: match state.as_ref().map(|state| state.value.as_str()) {
            Some(":memory:") => StateLocation::Memory,
            Some(path) => StateLocation::File(context.resolve(path)),
            None => StateLocation::File(context.resolve(DEFAULT_STATE)),
        },
        concurrency: concurrency
            .and_then(|count| NonZeroUsize::new(usize::try_from(count.value).ok()?))
            .unwrap_or(CONCURRENCY),
        cache: match cache {
            Some(path) => context.resolve(&path.value),
            None => context.resolve(DEFAULT_CACHE),
        },
        retries_per_minute: section.and_then(|section| section.small_count("retries_per_minute")),
        bandwidth: section.and_then(|section| section.size("bandwidth")),
        limits: section.map(limits).unwrap_or_default(),
    }
}
