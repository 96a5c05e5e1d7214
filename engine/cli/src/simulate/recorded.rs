use std::path::Path;

use anyhow::Context as _;
use windlass_simulate::{Fleet, recorded::RecordedFleet};
use windlass_store::Store;

use crate::{args::SimulateArgs, command::Failure, diagnostic::Diagnostic, setup};

/// Devices read at once.
const PAGE: usize = 4096;

/// The fleet of a state file. It is only read, and may be in use.
///
/// # Errors
/// If there is no such file, another version of this program wrote it, or it tells of no device.
pub(super) fn recorded(file: &Path, args: &SimulateArgs) -> Result<Fleet, Failure> {
    let store = Store::open_read_only(file).map_err(|error| setup::open_diagnostic(&error))?;
    let unreadable = "the state file's history could not be read";
    let mut pages = store.histories().context(unreadable)?;
    let mut histories = Vec::new();
    loop {
        let page = pages.next_page(PAGE).context(unreadable)?;
        if page.is_empty() {
            break;
        }
        histories.extend(page);
    }
    let fleet = RecordedFleet::of(histories);
    if let Some(missing) = nothing(file, &fleet) {
        return Err(missing
            .help("name the state file of a rollout that ran, or a kind of fleet with --profile")
            .into());
    }
    let fleet = match args.transfer {
        Some(transfer) => fleet.with_transfer(transfer),
        None => fleet,
    };
    let source = file.display().to_string();
    Ok(Fleet::recorded(fleet, source, args.seed, args.devices))
}

fn nothing(file: &Path, fleet: &RecordedFleet) -> Option<Diagnostic> {
    let file = file.display();
    if fleet.devices.is_empty() {
        let message = format!("{file} holds no device");
        return Some(Diagnostic::error(message));
    }
    (!fleet.has_history()).then(|| {
        Diagnostic::error(format!(
            "{file} tells nothing of its {}: no rollout has tried to update one",
            match fleet.devices.len() {
                1 => "one device".to_owned(),
                many => format!("{many} devices"),
            }
        ))
    })
}
