//! Holds, pins and the end of a device.

use anyhow::Context as _;
use windlass_model::HoldKind;
use windlass_runtime::clock::{Clock as _, SystemClock};
use windlass_store::Store;

use super::{Failure, chore};
use crate::{
    args::{
        DecommissionArgs, HoldArgs, HoldsArgs, Lasting, Output, PinArgs, StateOption, SubjectArgs,
        UnholdArgs, WhoArgs,
    },
    console,
    control::Chore,
    diagnostic::Diagnostic,
    exit::Exit,
    render::{hold_json, hold_text},
    setup,
};

pub(super) async fn hold(args: HoldArgs) -> Result<Exit, Failure> {
    let kind = HoldKind::Hold;
    place(&args.subject, kind, &args.lasting, &args.state, &args.who).await
}

pub(super) async fn pin(args: PinArgs) -> Result<Exit, Failure> {
    let kind = HoldKind::Pin(args.pinned);
    place(&args.subject, kind, &args.lasting, &args.state, &args.who).await
}

async fn place(
    subject: &SubjectArgs,
    kind: HoldKind,
    lasting: &Lasting,
    state: &StateOption,
    who: &WhoArgs,
) -> Result<Exit, Failure> {
    let now = SystemClock::new().now().wall;
    let chore = Chore::PlaceHold {
        subject: subject.subject().ok_or_else(nobody)?,
        kind,
        until: lasting.until.map(|moment| moment.from(now)),
    };
    chore::report(&setup::subject(state)?.file, who, chore).await
}

pub(super) async fn lift(args: UnholdArgs) -> Result<Exit, Failure> {
    let subject = args.subject.subject().ok_or_else(nobody)?;
    let chore = Chore::LiftHold { subject };
    chore::report(&setup::subject(&args.state)?.file, &args.who, chore).await
}

fn nobody() -> Diagnostic {
    Diagnostic::error("no device is named").help("write an id, or `--where location=berlin`")
}

pub(super) async fn decommission(args: DecommissionArgs) -> Result<Exit, Failure> {
    let chore = Chore::Decommission {
        device: args.device,
        undo: args.undo,
    };
    chore::report(&setup::subject(&args.state)?.file, &args.who, chore).await
}

pub(super) fn list(args: &HoldsArgs) -> Result<Exit, Failure> {
    let store = Store::open_read_only(&setup::state_file(&args.state)?)
        .map_err(|error| setup::open_diagnostic(&error))?;
    let now = SystemClock::new().now().wall;
    let holds = store.holds(now).context("the holds could not be read")?;
    if holds.is_empty() && args.output == Output::Human {
        console::show_line("nothing is held")?;
    }
    for hold in &holds {
        match args.output {
            Output::Human => {
                console::show_line(&format!("{} (by {})", hold_text(hold), hold.actor))?
            }
            Output::Json => console::show_line(&hold_json(hold).to_string())?,
        }
    }
    Ok(Exit::Success)
}
