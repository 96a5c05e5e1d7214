//! What is done in a moment: by this process if the state file has no owner, else by its
//! owner.

use std::{path::Path, time::Instant};

use anyhow::Context as _;
use windlass_runtime::clock::{Clock as _, SystemClock};
use windlass_store::{Location, OpenError, Store, StoreThread};

use super::{
    Failure, remote,
    run::{TRY_AGAIN, TRY_FOR},
};
use crate::{
    args::{Output, WhoArgs},
    console,
    control::{Call, Chore, Done, Errand, Request, Response},
    exit::Exit,
    owner::{Who, execute},
    render::{done_json, done_text},
    setup,
};

/// Carries a chore out and says what was done.
pub(super) async fn report(file: &Path, who: &WhoArgs, chore: Chore) -> Result<Exit, Failure> {
    if !file.exists() {
        let path = file.to_owned();
        return Err(setup::open_diagnostic(&OpenError::NotFound { path }).into());
    }
    match carry_out(file, who, chore).await? {
        Outcome::Done(done) => {
            match who.output {
                Output::Human => console::line(&done_text(&done)),
                Output::Json => console::line(&done_json(&done).to_string()),
            }
            Ok(Exit::Success)
        }
        Outcome::Refused(text) => {
            console::error(&text);
            Ok(Exit::BadInput)
        }
    }
}

/// What came of a chore.
pub(super) enum Outcome {
    Done(Done),
    /// The owner's words.
    Refused(String),
}

/// Carries a chore out; the state file is made if it is not there.
pub(super) async fn carry_out(
    file: &Path,
    who: &WhoArgs,
    chore: Chore,
) -> Result<Outcome, Failure> {
    let request = Request {
        actor: who.actor.clone(),
        reason: who.reason.clone(),
        what: Errand::Chore(chore.clone()),
    };
    let began = Instant::now();
    loop {
        let error = match Store::open(&Location::File(file.to_owned())) {
            Ok(store) => return at_rest(store, who, chore).await.map(Outcome::Done),
            Err(error @ OpenError::InUse { .. }) => error,
            Err(error) => return Err(setup::open_diagnostic(&error).into()),
        };
        let why = match remote::place(file, &request).await? {
            Ok(call) => return answer(call).await,
            Err(why) => why,
        };
        if began.elapsed() > TRY_FOR {
            return Err(setup::open_diagnostic(&error).note(why).into());
        }
        tokio::time::sleep(TRY_AGAIN).await;
    }
}

async fn at_rest(store: Store, who: &WhoArgs, chore: Chore) -> Result<Done, Failure> {
    let thread = StoreThread::start(store).context("the store cannot start")?;
    let handle = thread.handle();
    let who = Who {
        actor: who.actor.clone(),
        reason: who.reason.clone(),
    };
    let done = execute(chore, &who, &handle, None, SystemClock::new().now()).await;
    drop(handle);
    thread.shutdown().await.context("the state file failed")?;
    done
}

async fn answer(mut call: Call) -> Result<Outcome, Failure> {
    match call.next().await.context("it may have been done")? {
        Response::Done(done) => Ok(Outcome::Done(done)),
        Response::Refused(text) => Ok(Outcome::Refused(text)),
        Response::Failed(text) => Err(Failure::Broken(anyhow::Error::msg(text))),
        Response::Warning(_)
        | Response::LeftBehind(_)
        | Response::Entered(_)
        | Response::Event { .. }
        | Response::Progress(_)
        | Response::Ended(_)
        | Response::Over
        | Response::Driving(_) => Err(Failure::Broken(anyhow::Error::msg(
            "the owner answered something else",
        ))),
    }
}
