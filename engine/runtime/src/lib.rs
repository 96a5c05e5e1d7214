//! The shell around the core: driver loop, effects, payloads, event bus, progress.
