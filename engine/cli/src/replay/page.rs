use std::{collections::BTreeMap, sync::Arc};

use windlass_host::{AmongGuests, PluginError, Policy};
use windlass_model::{Decision, DecisionAnswer};
use windlass_store::{DecisionRow, DecisionRows, RecordedAnswer, RecordedQuestion, StoreError};

use super::{Difference, Identity, difference, pages::UNREADABLE};

/// Policies by who they are.
pub(super) type Policies = Arc<BTreeMap<Identity, Policy>>;

/// Recorded decisions that are taken again one after the other.
pub struct Page {
    rows: DecisionRows,
    /// The next one.
    at: usize,
}

/// What came of taking the decisions of a page again.
pub struct Ran {
    /// Those that were compared with what was recorded.
    pub compared: u64,
    /// Those without an answer to compare.
    pub failed: u64,
    /// Where it ended.
    pub end: End,
}

/// Why a page was left.
pub enum End {
    /// All of it was taken again.
    Through,
    /// The last one that was compared came out otherwise.
    Differs(Box<Difference>),
    /// The next one is of a policy that is not opened: then the page can go on.
    Unopened(Page, Unopened),
    /// The next one cannot be read.
    Unreadable(anyhow::Error),
}

/// A policy that decided, and is to be opened to be asked again.
pub struct Unopened {
    /// A decision that it took.
    pub(super) id: i64,
    pub(super) who: Identity,
}

impl From<DecisionRows> for Page {
    fn from(rows: DecisionRows) -> Self {
        Self { rows, at: 0 }
    }
}

impl Page {
    /// Takes them again up to the first that gives pause.
    pub(super) async fn run(mut self, policies: Policies, mut guests: AmongGuests) -> Ran {
        let (mut compared, mut failed) = (0, 0);
        let (mut room, mut written) = (Vec::new(), Vec::new());
        let end = loop {
            let Some(row) = self.rows.get(self.at) else {
                break End::Through;
            };
            let RecordedQuestion {
                policy,
                component,
                settings,
                view,
                memo,
                answer,
            } = match row.question(&mut room) {
                Ok(question) => question,
                Err(error) => break unreadable(error),
            };
            // A policy that gave no answer then is not asked for one now.
            let Some(recorded) = answer else {
                failed += 1;
                self.at += 1;
                continue;
            };
            let who = Identity {
                name: policy,
                component,
                settings,
            };
            let Some(policy) = policies.get(&who) else {
                let id = row.id();
                break End::Unopened(self, Unopened { id, who });
            };
            let again = guests.decide(policy, &view, memo).await;
            compared += 1;
            self.at += 1;
            match differs(&row, recorded, again, &mut written) {
                Ok(None) => {}
                Ok(Some(difference)) => break End::Differs(Box::new(difference)),
                Err(error) => break unreadable(error),
            }
        };
        Ran {
            compared,
            failed,
            end,
        }
    }
}

fn unreadable(error: StoreError) -> End {
    End::Unreadable(anyhow::Error::from(error).context(UNREADABLE))
}

/// In which fields a decision differs from what was recorded. What is written alike is the same,
/// and need not be read.
fn differs(
    row: &DecisionRow<'_>,
    recorded: RecordedAnswer<'_>,
    mut again: Result<Decision, PluginError>,
    room: &mut Vec<u8>,
) -> Result<Option<Difference>, StoreError> {
    if let Ok(again) = &mut again
        && recorded.is_written_as(again, room)
    {
        return Ok(None);
    }
    let stored = row.decision()?;
    let record = &stored.record;
    let fields = match (&record.answer, again) {
        (DecisionAnswer::Decided(recorded), Ok(again)) => {
            difference::between(&record.view.cohorts, recorded, &again)
        }
        (DecisionAnswer::Decided(recorded), Err(error)) => {
            vec![difference::failed(recorded, &error.summary())]
        }
        (DecisionAnswer::Failed(_), _) => Vec::new(),
    };
    Ok((!fields.is_empty()).then_some(Difference { stored, fields }))
}
