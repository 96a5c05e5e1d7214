//! What `windlass` allocates by.

use std::ffi::{c_int, c_long};

use libmimalloc_sys::mi_option_set;
pub use mimalloc::MiMalloc;

/// mimalloc's `mi_option_purge_delay` (its `mimalloc.h`): after how many milliseconds free pages
/// go back to the system.
const PURGE_DELAY: c_int = 15;
/// A second unless it is told; with a million devices registered, what had been free for less than
/// that was a tenth of all memory. Not sooner, because a busy engine soon takes a page again, and
/// to give it away and back costs each device of a rollout a call and a fault.
const PURGE_AFTER_MS: c_long = 100;

/// Has memory that was freed go back to the system soon. For a process whose global allocator is
/// [`MiMalloc`], before it does anything else.
#[expect(unsafe_code, reason = "the allocator is told its options by C")]
pub fn give_back_soon() {
    // SAFETY: any value is valid for this option, and it may be set at any time; threads that read
    // it meanwhile see either.
    unsafe { mi_option_set(PURGE_DELAY, PURGE_AFTER_MS) };
}
