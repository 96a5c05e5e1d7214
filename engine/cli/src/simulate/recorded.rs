use std::{collections::BTreeMap, path::Path};

use anyhow::Context as _;
use windlass_model::SignalName;
use windlass_simulate::{Fleet, recorded::RecordedFleet};
use windlass_store::Store;

use super::series::{self, Series};
use crate::{
    args::{SignalArg, SignalCourse, SimulateArgs},
    command::Failure,
    diagnostic::Diagnostic,
    setup,
};

/// Devices read at once.
const PAGE: usize = 4096;

/// What is taken of a state file.
#[derive(Default)]
pub(super) struct Recorded {
    /// Its fleet; none if no state file was named.
    pub(super) fleet: Option<Fleet>,
    /// What signals read in it, of those that were asked for.
    pub(super) signals: BTreeMap<SignalName, Series>,
}

impl Recorded {
    /// Reads the state file that was named. It is only read, and may be in use.
    ///
    /// # Errors
    /// If there is no such file, another version of this program wrote it, it tells of no device,
    /// or of a signal that was asked for no measurement; if one was asked for and no file named.
    pub(super) fn of(args: &SimulateArgs) -> Result<Self, Failure> {
        let wanted = || {
            let given = args.signals.iter();
            given.filter(|signal| signal.reads == SignalCourse::Recorded)
        };
        let Some(file) = &args.recorded else {
            return match wanted().next() {
                Some(signal) => Err(nowhere(signal).into()),
                None => Ok(Self::default()),
            };
        };
        let store = Store::open_read_only(file).map_err(|error| setup::open_diagnostic(&error))?;
        Ok(Self {
            fleet: Some(fleet(&store, file, args)?),
            signals: series::read(&store, file, wanted().map(|signal| &signal.name))?,
        })
    }
}

fn nowhere(SignalArg { name, .. }: &SignalArg) -> Diagnostic {
    Diagnostic::error(format!(
        "`--signal {name}=recorded` is about a state file, and none is named"
    ))
    .help("name it with --recorded, or say what the signal reads")
}

fn fleet(store: &Store, file: &Path, args: &SimulateArgs) -> Result<Fleet, Failure> {
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
