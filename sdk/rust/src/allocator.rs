//! What plugins allocate by. A value that crosses the boundary costs the guest an allocation, and
//! most calls do little else; the target's own allocator takes some 500 instructions for one and
//! its end, a list of blocks of one size a third of that.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::UnsafeCell,
    ptr::null_mut,
};

#[cfg(all(target_family = "wasm", feature = "allocator"))]
#[global_allocator]
static BLOCKS: Blocks = Blocks::new();

/// What the sizes of small blocks are multiples of, and how they are aligned.
const STEP: usize = 16;
/// The largest small block; what is larger is rare, and the target's allocator's.
const LARGEST: usize = 512;
/// What small blocks are cut from.
const CHUNK: usize = 4096;

/// An allocator that keeps small blocks for the next that asks for one as large. What it takes
/// from the target's allocator is never given back: it is what was needed of each size at most.
struct Blocks(UnsafeCell<State>);

struct State {
    /// Of each size, the block that was freed last; each begins with the address of the one before.
    free: [*mut u8; LARGEST / STEP + 1],
    /// What is left of the newest chunk.
    rest: *mut u8,
    left: usize,
}

impl Blocks {
    const fn new() -> Self {
        Self(UnsafeCell::new(State {
            free: [null_mut(); LARGEST / STEP + 1],
            rest: null_mut(),
            left: 0,
        }))
    }
}

/// The list that a block of this layout belongs to, if it is small.
fn list(layout: Layout) -> Option<usize> {
    (layout.size() <= LARGEST && layout.align() <= STEP).then(|| layout.size().div_ceil(STEP))
}

#[expect(
    unsafe_code,
    reason = "an allocator is unsafe by its trait, and a static must be `Sync`"
)]
mod unsafely {
    use super::{Blocks, CHUNK, GlobalAlloc, Layout, STEP, State, System, list, null_mut};

    // SAFETY: components have one thread, as the targets do that this is compiled for.
    unsafe impl Sync for Blocks {}

    impl State {
        /// A block from the chunk, or from a new one; null if there is no memory.
        #[cold]
        fn cut(&mut self, list: usize) -> *mut u8 {
            let size = list * STEP;
            if self.left < size {
                let Ok(chunk) = Layout::from_size_align(CHUNK, STEP) else {
                    return null_mut();
                };
                // SAFETY: its size is not zero.
                let rest = unsafe { System.alloc(chunk) };
                if rest.is_null() {
                    return null_mut();
                }
                (self.rest, self.left) = (rest, CHUNK);
            }
            let block = self.rest;
            // SAFETY: at least so much is left of the chunk.
            self.rest = unsafe { block.add(size) };
            self.left -= size;
            block
        }
    }

    // SAFETY: a block is in one list, in one piece of a chunk, or with whoever was given it, and
    // large enough and aligned for every layout of its list. No call of it is made within another,
    // so the state is borrowed once at a time.
    unsafe impl GlobalAlloc for Blocks {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let Some(list) = list(layout) else {
                // SAFETY: the caller's promise.
                return unsafe { System.alloc(layout) };
            };
            // SAFETY: see above.
            let state = unsafe { &mut *self.0.get() };
            let block = state.free[list];
            if block.is_null() {
                return state.cut(list);
            }
            // SAFETY: a free block begins with the address of the next one, and blocks are
            // aligned for an address.
            state.free[list] = unsafe { block.cast::<*mut u8>().read() };
            block
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            let Some(list) = list(layout) else {
                // SAFETY: the caller's promise.
                return unsafe { System.dealloc(block, layout) };
            };
            // SAFETY: see above.
            let state = unsafe { &mut *self.0.get() };
            // SAFETY: nobody has the block any more, and an address fits into the smallest.
            unsafe { block.cast::<*mut u8>().write(state.free[list]) };
            state.free[list] = block;
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: the caller's promise.
            let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
            match (list(layout), list(wanted)) {
                // SAFETY: the caller's promise.
                (None, None) => unsafe { System.realloc(block, layout, size) },
                (Some(has), Some(wants)) if has == wants => block,
                _ => {
                    // SAFETY: its size is not zero, by the caller's promise.
                    let moved = unsafe { self.alloc(wanted) };
                    if !moved.is_null() {
                        // SAFETY: both are as long as the shorter, and they are two.
                        unsafe {
                            moved.copy_from_nonoverlapping(block, layout.size().min(size));
                            self.dealloc(block, layout);
                        }
                    }
                    moved
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
