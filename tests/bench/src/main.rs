//! Measures what `engine/PERFORMANCE.md` promises, and prints it as a table.
//!
//! ```text
//! cargo build --release -p windlass -p windlass-bench
//! target/release/windlass-bench
//! target/release/windlass-bench push engine --rounds 11
//! ```
//!
//! Without a section everything is measured. Figures are ratios taken in interleaved rounds
//! wherever they can be, as the median with the smallest and the largest. `--hold` fails if a
//! promise is not kept; without it nothing is asserted. `--shrink N` divides the amounts, for a
//! look whether it works at all. `instructions --accept` keeps what it counts, to be compared
//! with later.
#![expect(clippy::print_stdout, reason = "its table is what it is for")]

mod abort;
mod alloc;
mod busy;
mod conditions;
mod cpu;
mod decide;
mod devices;
mod engine;
mod instructions;
mod kept;
mod load;
mod memory;
mod part;
mod process;
mod push;
mod registry;
mod report;
mod scaling;
mod settings;
mod startup;

use anyhow::{Result, ensure};
use settings::{Judging, Section, Settings};

#[tokio::main]
async fn main() -> Result<()> {
    windlass_cli::memory::give_back_soon();
    let mut words = std::env::args().skip(1).peekable();
    match words.peek().map(String::as_str) {
        Some(devices::COMMAND) => return devices::serve().await,
        Some(part::COMMAND) => {
            println!("{}", part::be(words.skip(1)).await?);
            return Ok(());
        }
        Some(_) | None => {}
    }
    let settings = Settings::parse(words)?;
    println!(
        "{}\n\n{}",
        conditions::conditions(settings.rounds),
        report::HEAD
    );
    let mut broken = 0;
    let mut notes = Vec::new();
    let mut print = |row: report::Row| {
        broken += u32::from(row.bound.is_broken());
        println!("{row}");
    };
    for section in &settings.sections {
        match section {
            Section::Push => push::deliveries(&settings, &mut print).await?,
            Section::Engine => push::whole_engine(&settings, &mut print).await?,
            Section::Memory => memory::rows(&settings, &mut print).await?,
            Section::Registry => registry::rows(&settings, &mut print).await?,
            Section::Decide => decide::rows(&settings, &mut print).await?,
            Section::Startup => startup::rows(&settings, &mut print)?,
            Section::Alloc => alloc::rows(&settings, &mut print).await?,
            Section::Cpu => cpu::rows(&settings, &mut print).await?,
            Section::Abort => abort::rows(&settings, &mut print).await?,
            Section::Instructions => {
                notes.extend(instructions::rows(&settings, &mut print).await?);
            }
            Section::Scaling => scaling::rows(&settings, &mut print).await?,
        }
    }
    println!("\nload {} when it ended", conditions::load());
    for note in notes {
        println!("\n{note}");
    }
    ensure!(
        settings.judging != Judging::Hold || broken == 0,
        "{broken} promises were not kept"
    );
    Ok(())
}
