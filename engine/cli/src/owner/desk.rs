use std::{path::Path, time::Duration};

use tokio::time::timeout;

use windlass_runtime::clock::Clock as _;

use super::{Owner, RunOptions, Sight, Voyage, Who, execute};
use crate::{
    command::Failure,
    config::{Overrides, StateLocation},
    control::{
        Chore, Desk, Errand, Interrupt, Interrupts, Replies, Request, Response, RunErrand,
        ShadowErrand, ShadowWish,
    },
    setup::{self, Quiet},
};

/// A client that takes nothing for so long is as good as gone: nobody else waits for a
/// terminal that was suspended.
const TELL_WITHIN: Duration = Duration::from_secs(30);

impl Desk for Owner {
    async fn serve(&self, request: Request, mut replies: Replies, interrupts: Interrupts) {
        let Request {
            actor,
            reason,
            what,
        } = request;
        let last = match what {
            Errand::Status => Response::Driving(self.berths.driven()),
            Errand::Chore(chore) => {
                let who = Who { actor, reason };
                let now = self.clock.now();
                let directory = match &chore {
                    Chore::SwapPolicies(errand) => Some(errand.directory.clone()),
                    Chore::Shadow(ShadowErrand {
                        wish: ShadowWish::Add { directory, .. },
                        ..
                    }) => Some(directory.clone()),
                    _ => None,
                };
                match execute(chore, &who, &self.store, Some(self), now).await {
                    Ok(done) => Response::Done(done),
                    Err(failure) => told(failure, directory.as_deref()),
                }
            }
            Errand::Run(errand) => {
                let directory = errand.directory.clone();
                let mut client = Client {
                    replies: Some(replies),
                    interrupts: Some(interrupts),
                };
                let last = match self.run_for(&mut client, errand, actor).await {
                    Ok(()) => Response::Over,
                    Err(failure) => told(failure, Some(&directory)),
                };
                client.tell(last).await;
                return;
            }
        };
        // A client that has gone asked for no answer.
        replies.send(&last).await.ok();
    }
}

impl Owner {
    async fn run_for(
        &self,
        client: &mut Client,
        errand: RunErrand,
        actor: String,
    ) -> Result<(), Failure> {
        let overrides = Overrides {
            state: errand.state.map(StateLocation::File),
            concurrency: errand.concurrency,
        };
        let mut prepared = setup::prepare(&errand.config, &overrides, &Quiet).await?;
        if let Some(warning) = self.engine.not_in_force(&prepared.config.engine) {
            prepared.warnings.push(warning);
        }
        let options = RunOptions {
            wait: errand.wait,
            accept_changes: errand.accept_changes,
            resumed_by: errand.resume.then_some(actor),
        };
        let mut voyage = self.enter(prepared, &options).await?;
        for warning in voyage.warnings.iter() {
            client
                .tell(Response::Warning(here(
                    &warning.to_string(),
                    Some(&errand.directory),
                )))
                .await;
        }
        self.accompany(client, &mut voyage).await?;
        if let Some(parting) = self.farewell(&voyage).await? {
            let text = parting.warning.to_string();
            client
                .tell(match parting.left_behind {
                    true => Response::LeftBehind(text),
                    false => Response::Warning(text),
                })
                .await;
        }
        Ok(())
    }

    /// Tells a client what happens to a rollout and those that take it back, to the end of
    /// their runs. A client that goes away leaves them running.
    async fn accompany(&self, client: &mut Client, voyage: &mut Voyage) -> Result<(), Failure> {
        let mut shown = None;
        loop {
            self.turn(voyage).await?;
            tokio::select! {
                sight = voyage.next() => match sight? {
                    Sight::Entered(_, name) => {
                        shown = Some(name.clone());
                        client.tell(Response::Entered(name)).await;
                    }
                    Sight::Event(logged) => {
                        let rollout = shown.clone();
                        client.tell(Response::Event { rollout, logged: *logged }).await;
                    }
                    Sight::Progress(now) => client.tell(Response::Progress(now)).await,
                    Sight::Ended { end, .. } => client.tell(Response::Ended(end)).await,
                    Sight::Over => return Ok(()),
                },
                interrupt = client.interrupted() => match interrupt {
                    Interrupt::Stop => self.stop_voyage(voyage).await,
                    Interrupt::Cut => self.cut_voyage(voyage).await,
                },
            }
        }
    }
}

/// A client that may go away.
struct Client {
    replies: Option<Replies>,
    interrupts: Option<Interrupts>,
}

impl Client {
    async fn tell(&mut self, response: Response) {
        if let Some(replies) = &mut self.replies {
            match timeout(TELL_WITHIN, replies.send(&response)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => self.replies = None,
            }
        }
    }

    /// What it asks next; pending for ever when it asks no more.
    async fn interrupted(&mut self) -> Interrupt {
        if let Some(interrupts) = &mut self.interrupts {
            if let Some(interrupt) = interrupts.next().await {
                return interrupt;
            }
            self.interrupts = None;
        }
        std::future::pending().await
    }
}

fn told(failure: Failure, directory: Option<&Path>) -> Response {
    match failure {
        Failure::Input(diagnostics) => Response::Refused(here(&diagnostics.to_string(), directory)),
        failure @ (Failure::Broken(_) | Failure::Unread) => Response::Failed(failure.to_string()),
    }
}

/// The text with paths as they look from where the client stands.
fn here(text: &str, directory: Option<&Path>) -> String {
    match directory {
        Some(directory) => text.replace(&format!("{}/", directory.display()), ""),
        None => text.to_owned(),
    }
}
