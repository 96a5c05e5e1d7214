//! Blocks are as large as was asked, aligned, and nobody else's. In the crate, because it is
//! nothing that a plugin could ask for.
#![expect(unsafe_code, reason = "whoever calls an allocator promises something")]

use std::alloc::{GlobalAlloc as _, Layout};

use super::Blocks;

struct Block {
    at: *mut u8,
    layout: Layout,
    filled: u8,
}

impl Block {
    fn of(at: *mut u8, layout: Layout, filled: u8) -> Self {
        assert!(!at.is_null() && at.addr().is_multiple_of(layout.align()));
        // SAFETY: so much was asked for.
        unsafe { at.write_bytes(filled, layout.size()) };
        Self { at, layout, filled }
    }

    fn is_untouched(&self, length: usize) -> bool {
        // SAFETY: it was filled, and is nobody else's.
        let bytes = unsafe { std::slice::from_raw_parts(self.at, length) };
        bytes.iter().all(|byte| *byte == self.filled)
    }
}

#[test]
fn no_block_is_given_to_two() {
    let blocks = Blocks::new();
    let mut held: Vec<Block> = Vec::new();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    for turn in 0..20_000_usize {
        let filled = u8::try_from(turn % 251).expect("it is below 251");
        let most = if random(4) == 0 { 2_000 } else { 80 };
        let size = 1 + random(most);
        let layout = Layout::from_size_align(size, 1 << random(6)).expect("it is small");
        match random(5) {
            0 | 1 if held.len() < 500 => {
                // SAFETY: its size is not zero.
                held.push(Block::of(unsafe { blocks.alloc(layout) }, layout, filled));
            }
            2 | 3 if !held.is_empty() => {
                let index = random(held.len());
                let block = held.swap_remove(index);
                assert!(block.is_untouched(block.layout.size()));
                // SAFETY: it was allocated with this layout.
                unsafe { blocks.dealloc(block.at, block.layout) };
            }
            4 if !held.is_empty() => {
                let index = random(held.len());
                let mut block = held.swap_remove(index);
                let wanted = Layout::from_size_align(size, block.layout.align());
                // SAFETY: it was allocated with this layout, and the size is not zero.
                block.at = unsafe { blocks.realloc(block.at, block.layout, size) };
                assert!(block.is_untouched(size.min(block.layout.size())));
                held.push(Block::of(block.at, wanted.expect("it is small"), filled));
            }
            _ => {}
        }
    }
    for block in held {
        assert!(block.is_untouched(block.layout.size()));
        // SAFETY: it was allocated with this layout.
        unsafe { blocks.dealloc(block.at, block.layout) };
    }
}
