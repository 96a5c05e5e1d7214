//! Named points at which a crash would hurt most. A debug build dies there if its environment
//! says so (`WINDLASS_CRASH_AT=before-effect:3`: the third time it passes); a release build
//! has none of it.

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// A change set is decided, and not handed to the store.
    Write,
    /// It is durable, and none of its effects has begun.
    BeforeEffect,
    /// An effect has begun; others may not.
    AfterEffect,
    /// An order is durable, and whoever gave it has not been told.
    BeforeAcknowledgement,
    /// Other policies are to be put in force.
    BeforeSwap,
    /// They are, durably; the engine still goes by those before.
    AfterSwap,
}

#[cfg(not(debug_assertions))]
pub(crate) fn point(_: Point) {}

#[cfg(debug_assertions)]
pub(crate) fn point(point: Point) {
    crashing::point(point);
}

#[cfg(debug_assertions)]
mod crashing {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    use super::Point;

    const VARIABLE: &str = "WINDLASS_CRASH_AT";

    struct Planned {
        name: String,
        left: AtomicU64,
    }

    static PLANNED: LazyLock<Option<Planned>> = LazyLock::new(|| {
        let text = std::env::var(VARIABLE).ok()?;
        let (name, count) = text.split_once(':')?;
        Some(Planned {
            name: name.to_owned(),
            left: AtomicU64::new(count.parse().ok()?),
        })
    });

    pub(super) fn point(point: Point) {
        let Some(planned) = PLANNED.as_ref() else {
            return;
        };
        let name = match point {
            Point::Write => "write",
            Point::BeforeEffect => "before-effect",
            Point::AfterEffect => "after-effect",
            Point::BeforeAcknowledgement => "before-acknowledgement",
            Point::BeforeSwap => "before-swap",
            Point::AfterSwap => "after-swap",
        };
        if planned.name == name && planned.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // As a power cut would: no destructor, no flush. It cannot fail on oneself.
            let killed = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
            debug_assert!(killed.is_ok(), "a process may kill itself");
        }
    }
}
