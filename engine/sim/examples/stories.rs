//! Lives through the stories of many seeds, and shows those that went wrong:
//!
//! ```text
//! cargo run --release -p windlass-sim --features world --example stories [COUNT] [FIRST]
//! ```
#![expect(clippy::print_stdout, reason = "its findings are what it is for")]

use std::{error::Error, time::Instant};

use windlass_sim::world::live_through;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| match arguments.next() {
        Some(text) => text.parse(),
        None => Ok(default),
    };
    let (count, first) = (number(1_000)?, number(0)?);
    let begun = Instant::now();
    let (mut wrong, mut pushes, mut lives) = (0, 0, 0);
    for seed in first..first + count {
        let begun = Instant::now();
        let story = live_through(seed);
        pushes += story.pushes;
        lives += u64::from(story.lives);
        if count == 1 {
            for event in &story.events {
                println!("{}", serde_json::to_string(event)?);
            }
        }
        if !story.violations.is_empty() {
            wrong += 1;
            let (violations, took) = (&story.violations, begun.elapsed());
            println!("seed {seed} went wrong, {took:.1?}: {violations:#?}");
        }
    }
    println!(
        "{count} stories with {lives} lives and {pushes} pushes in {:.1?}; {wrong} went wrong",
        begun.elapsed()
    );
    if wrong > 0 {
        return Err("see above".into());
    }
    Ok(())
}
