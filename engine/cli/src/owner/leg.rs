use std::collections::VecDeque;

use anyhow::Context as _;
use windlass_model::{LoggedEvent, RolloutKey, RolloutName, Sequence};
use windlass_runtime::{Entered, RunEnd, bus::Subscription, progress::Progress};
use windlass_store::StoreHandle;

use super::berths::Berth;

/// Events read at once after the end of a run.
const PAGE: usize = 1024;

/// A rollout that is driven, from now to the end of its run.
pub struct Leg {
    key: RolloutKey,
    name: RolloutName,
    store: StoreHandle,
    events: Subscription,
    entered: Entered,
    seen: Sequence,
    /// How the run came out, once it is over.
    end: Option<RunEnd>,
    /// What is still to be told then.
    backlog: Option<VecDeque<LoggedEvent>>,
    berth: Option<Berth>,
}

/// What happens on a [`Leg`].
#[derive(Debug)]
pub enum Step {
    /// Something was committed.
    Event(Box<LoggedEvent>),
    /// It is so far.
    Progress(Box<Progress>),
    /// Its run is over; nothing comes after this.
    Ended(RunEnd),
}

impl Leg {
    pub(super) fn new(
        (key, name): (RolloutKey, RolloutName),
        store: StoreHandle,
        events: Subscription,
        entered: Entered,
        after: Sequence,
        berth: Berth,
    ) -> Self {
        Self {
            key,
            name,
            store,
            events,
            entered,
            seen: after,
            end: None,
            backlog: None,
            berth: Some(berth),
        }
    }

    /// Its row.
    pub fn key(&self) -> RolloutKey {
        self.key
    }

    /// Its name.
    pub fn name(&self) -> &RolloutName {
        &self.name
    }

    /// Its run is over: who wants to give it orders finds it at rest.
    pub(super) fn leave(&mut self) {
        self.berth = None;
    }

    /// What happens next. May be dropped half-way and called again.
    ///
    /// # Errors
    /// If the log cannot be read, or the engine broke off.
    pub async fn next(&mut self) -> anyhow::Result<Step> {
        loop {
            if let Some(end) = &self.end {
                let backlog = match &mut self.backlog {
                    Some(backlog) => backlog,
                    None => {
                        let rest = rest(&self.store, self.key, self.seen).await?;
                        self.backlog.insert(rest)
                    }
                };
                return Ok(match backlog.pop_front() {
                    Some(event) => Step::Event(Box::new(event)),
                    None => Step::Ended(end.clone()),
                });
            }
            tokio::select! {
                event = self.events.next() => {
                    let event = event.context("the log of events could not be read")?;
                    let event = event.context("the rollout broke off")?;
                    self.seen = event.seq;
                    if event.event.rollout == Some(self.key) {
                        return Ok(Step::Event(Box::new(event)));
                    }
                }
                Ok(()) = self.entered.progress.changed() => {
                    let now = self.entered.progress.borrow_and_update().clone();
                    if let Some(now) = now {
                        return Ok(Step::Progress(Box::new(now)));
                    }
                }
                end = &mut self.entered.end => {
                    let end = end.context("the rollout broke off; the same command goes on")?;
                    self.end = Some(end);
                }
            }
        }
    }
}

/// A rollout's events after those seen: its run is over, so they are all in the log.
async fn rest(
    store: &StoreHandle,
    key: RolloutKey,
    mut after: Sequence,
) -> anyhow::Result<VecDeque<LoggedEvent>> {
    let mut rest = VecDeque::new();
    loop {
        let page = store
            .run(move |store| store.events(after, PAGE, Some(key)))
            .await
            .context("the state file failed")?
            .context("the log of events could not be read")?;
        let full = page.len() == PAGE;
        rest.extend(page);
        match rest.back() {
            Some(last) if full => after = last.seq,
            Some(_) | None => return Ok(rest),
        }
    }
}
