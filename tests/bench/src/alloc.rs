//! Allocations per chunk of payload (GO-15).

use std::{
    alloc::{GlobalAlloc, Layout},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use anyhow::Result;
use windlass_cli::memory::MiMalloc;

use crate::{
    devices::{Addressing, Devices},
    load::Payload,
    push::{
        Work,
        sandbox::{Instances, Sandbox},
    },
    report::{Bound, Row},
    settings::Settings,
};

/// The allocator of `windlass`, counting while it is told to.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static COUNT: AtomicU64 = AtomicU64::new(0);

fn note() {
    if COUNTS.load(Ordering::Relaxed) {
        COUNT.fetch_add(1, Ordering::Relaxed);
    }
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait; everything is the allocator's that it wraps"
)]
// SAFETY: every call goes to the other allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller's promise.
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CHUNK: u64 = 64 << 10;
/// Pushes that are counted together; what a push itself costs is taken off.
const PUSHES: u64 = 50;

/// The rows.
pub(crate) async fn rows(_: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let devices = Devices::start().await?;
    let sandbox = Sandbox::start(Instances::Reused, 1, None).await?;
    let count = async |bytes: u64| {
        let payload = Payload::make(folder.path(), usize::try_from(bytes)?)?;
        let work = Work {
            pushes: PUSHES,
            at_once: 1,
            addressing: Addressing::One,
            port: devices.port,
            payload: &payload,
        };
        // Connections, instances and the cache of blocks as they are after a while.
        sandbox.plan(&work).make().await?;
        let pushes = sandbox.plan(&work);
        COUNT.store(0, Ordering::Relaxed);
        COUNTS.store(true, Ordering::Relaxed);
        let pushed = pushes.make().await;
        COUNTS.store(false, Ordering::Relaxed);
        pushed?;
        anyhow::Ok(COUNT.load(Ordering::Relaxed) as f64)
    };
    let small = count(1 << 20).await?;
    for (bytes, words) in [
        (16 << 20, "blocks that other devices read before"),
        (
            128 << 20,
            "a payload larger than the cache of blocks, for one device",
        ),
    ] {
        let chunks = (bytes - (1 << 20)) / CHUNK * PUSHES;
        let each = (count(bytes).await? - small) / chunks as f64;
        print(Row {
            what: format!("allocations per 64 KiB chunk, {words}"),
            measured: format!("{each:.3}"),
            bound: if bytes == 16 << 20 {
                Bound::Promised {
                    text: "0".to_owned(),
                    // Less than one in a push of 240 chunks is no chunk's.
                    met: each < 0.005,
                }
            } else {
                Bound::Reported
            },
        });
    }
    print(Row {
        what: "allocations per push of 1 MiB, all of it".to_owned(),
        measured: format!("{:.0}", small / PUSHES as f64),
        bound: Bound::Reported,
    });
    Ok(())
}
