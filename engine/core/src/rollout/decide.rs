//! When policies are asked, and what their latest answers allow.

use std::{collections::BTreeSet, time::Duration};

use windlass_model::{
    Ceiling, CohortIndex, CohortView, Decision, DecisionAnswer, DecisionRecord, PluginName,
    PluginPin, Probation, Reason, RecheckWish, Repetition, Signal, Stance, Timestamp, Value,
    Verdict, View,
};

use super::{repeats::Repeats, timer::monotonic, triggers::Triggers};
use crate::{DecideRequest, Now};

/// Counts change thousands of times a second; a policy need not see each.
const MIN_INTERVAL: Duration = Duration::from_secs(1);
/// A policy that could not answer may have cost a whole time-out.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// Sound answers after which a policy that was swapped in is kept: its first, one to what
/// that led to, and one with the memo of both. Enough to tell a component that does not work
/// here at all; one that fails later holds, as any does.
const PROBATION: u32 = 3;
/// By a reason with this code a policy says that it waits for consent (`wit/policy.wit`).
const AWAITING_APPROVAL: &str = "awaiting-approval";

/// The policies of a rollout and what they said last.
#[derive(Debug)]
pub(super) struct Decider {
    policies: Vec<Policy>,
    asked: Option<Asked>,
    asked_at: Option<Duration>,
    /// The instant that the latest answers speak of.
    answered: Timestamp,
    /// Something was counted since they were asked.
    dirty: bool,
    /// A person gave an order that they do not know yet.
    urgent: bool,
    /// A signal that they see says another thing.
    measured: bool,
    triggers: Triggers,
    /// Rounds of answers that policies on probation still have to give.
    probation: Option<u32>,
    /// What is counted is shown to them at most this often.
    coalesced: Duration,
}

/// What the policies were shown: to all the same but for the signals.
#[derive(Debug)]
struct Asked {
    view: View,
    signals: Vec<Vec<Signal>>,
}

#[derive(Debug)]
struct Policy {
    pin: PluginPin,
    /// It was swapped in and must show that it works.
    watched: bool,
    memo: Vec<u8>,
    /// The answer that the store has.
    written: Option<DecisionAnswer>,
    /// The answer given in this process.
    latest: Option<Result<Decision, String>>,
    /// Reasons of its pauses that a person overruled.
    overruled: BTreeSet<ReasonKey>,
    repeats: Repeats,
}

/// How policies do that were swapped in.
pub(super) enum Trial {
    /// None is on probation.
    None,
    /// They have not answered often enough.
    GoesOn,
    /// They have.
    Passed(Vec<PluginName>),
    /// One failed.
    Failed { policy: PluginName, message: String },
}

/// What became of one policy's answer.
pub(super) struct Noted {
    pub(super) record: DecisionRecord,
    /// It differs from the last in more than its memo.
    pub(super) is_news: bool,
}

impl Decider {
    pub(super) fn new(
        pins: Vec<PluginPin>,
        last: Vec<Option<DecisionRecord>>,
        given: Vec<Option<Vec<u8>>>,
        probation: Option<&Probation>,
    ) -> Self {
        let last = last.into_iter().chain(std::iter::repeat_with(|| None));
        let given = given.into_iter().chain(std::iter::repeat_with(|| None));
        let policies = pins
            .into_iter()
            .zip(last.zip(given))
            .map(|(pin, (last, given))| {
                let first = (given.unwrap_or_default(), None);
                let (memo, written) = last.map_or(first, |record| {
                    let memo = match &record.answer {
                        DecisionAnswer::Decided(decision) => decision.memo.clone(),
                        DecisionAnswer::Failed(_) => record.memo_before,
                    };
                    (memo, Some(record.answer))
                });
                Policy {
                    watched: probation.is_some_and(|probation| probation.watches(&pin)),
                    pin,
                    memo,
                    written,
                    latest: None,
                    overruled: BTreeSet::new(),
                    repeats: Repeats::default(),
                }
            })
            .collect();
        Self {
            policies,
            asked: None,
            asked_at: None,
            answered: Timestamp(0),
            dirty: false,
            urgent: false,
            measured: false,
            triggers: Triggers::default(),
            coalesced: MIN_INTERVAL,
            probation: probation.map(|_| PROBATION),
        }
    }

    /// The policy of this name, if it is on probation.
    pub(super) fn watched(&self, name: &str) -> Option<PluginName> {
        self.probation?;
        self.policies
            .iter()
            .find(|policy| policy.watched && policy.pin.name.as_str() == name)
            .map(|policy| policy.pin.name.clone())
    }

    /// To be looked at once after each round of answers.
    pub(super) fn trial(&mut self) -> Trial {
        let Some(left) = self.probation else {
            return Trial::None;
        };
        let watched = || self.policies.iter().filter(|policy| policy.watched);
        for policy in watched() {
            if let Some(Err(message)) = &policy.latest {
                return Trial::Failed {
                    policy: policy.pin.name.clone(),
                    message: message.clone(),
                };
            }
        }
        let left = left.saturating_sub(1);
        if left > 0 {
            self.probation = Some(left);
            return Trial::GoesOn;
        }
        let passed = watched().map(|policy| policy.pin.name.clone()).collect();
        self.probation = None;
        Trial::Passed(passed)
    }

    pub(super) fn coalesce(&mut self, interval: Duration) {
        self.coalesced = interval.max(MIN_INTERVAL);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    pub(super) fn counted(&mut self, index: CohortIndex, cohort: &CohortView) {
        self.dirty = true;
        self.triggers.counted(index, cohort);
    }

    /// Whether an answer about what happened so far is still to come.
    pub(super) fn is_behind(&self, now: Timestamp) -> bool {
        let expired = |decision: &Decision| decision.valid_until < now;
        !self.policies.is_empty()
            && (self.asked.is_some()
                || self.dirty
                || self.urgent
                || self.measured
                || self.triggers.fired()
                || self.asked_at.is_none()
                || self.decisions().any(expired))
    }

    /// Whether the policies may still end the rollout otherwise than it would end by itself:
    /// a count that they wait for was reached and they have not answered since, or nobody in
    /// this process asked them.
    pub(super) fn has_last_word(&self) -> bool {
        !self.policies.is_empty()
            && (self.asked.is_some() || self.triggers.fired() || self.asked_at.is_none())
    }

    /// When the policies are to be asked next, by the monotonic clock.
    pub(super) fn next_ask(&self, now: Now) -> Option<Duration> {
        if self.policies.is_empty() || self.asked.is_some() {
            return None;
        }
        let Some(asked_at) = self.asked_at.filter(|_| !self.urgent) else {
            return Some(now.monotonic);
        };
        let failed = self
            .policies
            .iter()
            .any(|policy| matches!(policy.latest, Some(Err(_)) | None));
        if failed {
            return Some(asked_at + AFTER_FAILURE);
        }
        if self.triggers.fired() || self.measured {
            return Some(now.monotonic);
        }
        let counted = self.dirty.then_some(asked_at + self.coalesced);
        // Renewed at half their time, decisions never lapse while all is well.
        self.decisions()
            .flat_map(|decision| {
                let lasts = decision.valid_until.since(self.answered);
                let renewal = self.answered.plus(lasts / 2);
                decision.ask_at.into_iter().chain([renewal])
            })
            .min()
            .map(|at| monotonic(now, at).max(asked_at + MIN_INTERVAL))
            .into_iter()
            .chain(counted)
            .min()
    }

    /// The instant of the newest view that they were shown.
    pub(super) fn shown(&self) -> Timestamp {
        let asked = self.asked.as_ref();
        asked.map_or(self.answered, |asked| asked.view.now)
    }

    /// `signals` are those that each policy wants to see, in configured order.
    pub(super) fn ask(
        &mut self,
        now: Now,
        view: View,
        mut signals: Vec<Vec<Signal>>,
    ) -> Vec<DecideRequest> {
        signals.resize_with(self.policies.len(), Vec::new);
        self.asked_at = Some(now.monotonic);
        self.dirty = false;
        self.urgent = false;
        self.measured = false;
        self.triggers.reset_fired();
        let requests = self
            .policies
            .iter()
            .zip(&signals)
            .enumerate()
            .map(|(index, (policy, signals))| DecideRequest {
                policy: index,
                view: seen(&view, signals),
                memo: policy.memo.clone(),
            })
            .collect();
        self.asked = Some(Asked { view, signals });
        requests
    }

    /// Takes the answers; none is returned if nobody was asked. Those that the store
    /// must keep come back.
    pub(super) fn accept(
        &mut self,
        now: Now,
        answers: Vec<Result<Decision, String>>,
        cohorts: &[CohortView],
    ) -> Option<Vec<Noted>> {
        let Asked { view, signals } = self.asked.take()?;
        self.answered = view.now;
        let missing = std::iter::repeat_with(|| Err("no answer was given".to_owned()));
        let noted = self
            .policies
            .iter_mut()
            .zip(&signals)
            .zip(answers.into_iter().chain(missing))
            .filter_map(|((policy, signals), answer)| {
                policy.accept(now, sound(answer, cohorts), &view, signals)
            })
            .collect();
        let wanted = self
            .policies
            .iter()
            .filter_map(|policy| policy.latest.as_ref()?.as_ref().ok())
            .flat_map(|decision| &decision.triggers);
        self.triggers.replace(wanted, &view, cohorts);
        Some(noted)
    }

    /// Whether repeated answers were counted for so long that the store should hear of it
    /// though nothing else is to be written.
    pub(super) fn repeats_are_overdue(&self, now: Timestamp) -> bool {
        self.policies
            .iter()
            .any(|policy| policy.repeats.are_overdue(now))
    }

    /// The repeated answers that the store does not know yet.
    pub(super) fn take_repeats(&mut self) -> Vec<Repetition> {
        self.policies
            .iter_mut()
            .filter_map(|policy| {
                let (times, last) = policy.repeats.take()?;
                Some(Repetition {
                    policy: policy.pin.name.clone(),
                    times,
                    last,
                })
            })
            .collect()
    }

    /// Whether every policy has a decision that still holds.
    pub(super) fn permits(&self, now: Timestamp) -> bool {
        self.policies.iter().all(
            |policy| matches!(&policy.latest, Some(Ok(decision)) if now <= decision.valid_until),
        )
    }

    /// How many more devices of a cohort may be started now.
    pub(super) fn room(&self, index: CohortIndex, cohort: &CohortView) -> u64 {
        self.least(index, |ceiling| {
            ceiling
                .started
                .saturating_sub(cohort.started)
                .min(ceiling.in_progress.saturating_sub(cohort.in_progress))
        })
    }

    /// How many more devices of a cohort may be started once others have ended.
    pub(super) fn room_ahead(&self, index: CohortIndex, cohort: &CohortView) -> u64 {
        self.least(index, |ceiling| {
            if ceiling.in_progress == 0 {
                0
            } else {
                ceiling.started.saturating_sub(cohort.started)
            }
        })
    }

    fn least(&self, index: CohortIndex, room: impl Fn(&Ceiling) -> u64) -> u64 {
        self.policies
            .iter()
            .map(|policy| match &policy.latest {
                Some(Ok(decision)) => decision.ceilings.get(index.0 as usize).map_or(0, &room),
                Some(Err(_)) | None => 0,
            })
            .min()
            .unwrap_or(u64::MAX)
    }

    /// The most severe verdict in force.
    pub(super) fn severest(&self) -> Verdict {
        self.policies
            .iter()
            .map(Policy::verdict)
            .max()
            .unwrap_or(Verdict::Continue)
    }

    /// The most severe verdict in force, and the reasons of those who gave it. A failed
    /// answer holds; an overruled pause goes on.
    pub(super) fn verdict(&self) -> (Verdict, Vec<Reason>) {
        let severest = self.severest();
        let reasons = self
            .policies
            .iter()
            .filter(|policy| policy.verdict() == severest)
            .flat_map(Policy::reasons)
            .collect();
        (severest, reasons)
    }

    /// A person resumed: pauses in force count no more, until their reasons change.
    pub(super) fn overrule(&mut self) {
        for policy in &mut self.policies {
            if let Some(Ok(decision)) = &policy.latest
                && decision.verdict == Verdict::Pause
            {
                policy.overruled = decision.reasons.iter().map(reason_key).collect();
            }
        }
        self.dirty = true;
    }

    /// A signal was measured. They are asked at once if it says another thing than before: one
    /// that turned bad must not wait for the next regular decision.
    pub(super) fn measured(&mut self, another: bool) {
        self.measured |= another;
        self.dirty = true;
    }

    /// They are to be asked at once, because a person gave an order.
    pub(super) fn urge(&mut self) {
        self.urgent = true;
    }

    /// The gates at which policies wait for consent, by their newest answers.
    pub(super) fn gates(&self) -> BTreeSet<String> {
        self.policies
            .iter()
            .filter_map(Policy::newest)
            .flat_map(|decision| &decision.reasons)
            .filter(|reason| reason.code == AWAITING_APPROVAL)
            .filter_map(|reason| match reason.parameters.get("gate") {
                Some(Value::Text(gate)) => Some(gate.clone()),
                _ => None,
            })
            .collect()
    }

    /// Which cohorts the policies want to have verified again.
    pub(super) fn rechecks(&self) -> impl Iterator<Item = &RecheckWish> {
        self.decisions().flat_map(|decision| &decision.rechecks)
    }

    /// When a policy wants to be asked, if one said so.
    pub(super) fn ask_at(&self) -> Option<Timestamp> {
        self.decisions()
            .filter_map(|decision| decision.ask_at)
            .min()
    }

    /// Until when the policies that hold do so, if each of them waits for an instant and
    /// for nobody's consent.
    pub(super) fn held_until(&self) -> Option<Timestamp> {
        let holding = || {
            self.policies
                .iter()
                .filter(|policy| policy.verdict() == Verdict::Hold)
        };
        let instants: Option<Vec<_>> = holding().map(Policy::lifts_at).collect();
        instants?.into_iter().max()
    }

    /// What they allow together by their latest answers, in cohorts of which `started` devices
    /// have been started; none before all have answered.
    pub(super) fn stance(&self, cohorts: &[CohortView], started: u64) -> Option<Stance> {
        let silent = self.policies.iter().any(|policy| policy.latest.is_none());
        if silent {
            return None;
        }
        let (verdict, mut reasons) = self.verdict();
        reasons.truncate(Stance::REASONS_MAX);
        let sum = |of: fn(&Ceiling) -> u64| -> u64 {
            (0..)
                .map(CohortIndex)
                .zip(cohorts)
                .map(|(index, cohort)| self.least(index, of).min(cohort.size))
                .sum()
        };
        let (starts, in_progress) = match verdict {
            Verdict::Continue => (sum(|one| one.started), sum(|one| one.in_progress)),
            Verdict::Hold | Verdict::Pause | Verdict::Abort | Verdict::RollBack => (started, 0),
        };
        Some(Stance {
            verdict,
            starts,
            in_progress,
            reasons,
        })
    }

    /// Whether an answer is awaited.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Why one of them could not answer the last time.
    pub(super) fn failure(&self) -> Option<String> {
        self.policies
            .iter()
            .find_map(|policy| match &policy.latest {
                Some(Err(message)) => Some(message.clone()),
                Some(Ok(_)) | None => None,
            })
    }

    /// Whether one of them could not answer the last time.
    pub(super) fn has_failed(&self) -> bool {
        let failed = |policy: &Policy| matches!(policy.latest, Some(Err(_)));
        self.policies.iter().any(failed)
    }

    fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.policies
            .iter()
            .filter_map(|policy| policy.latest.as_ref()?.as_ref().ok())
    }
}

impl Policy {
    fn accept(
        &mut self,
        now: Now,
        answer: Result<Decision, String>,
        view: &View,
        signals: &[Signal],
    ) -> Option<Noted> {
        let kept = match &answer {
            Ok(decision) => DecisionAnswer::Decided(decision.clone()),
            Err(message) => DecisionAnswer::Failed(message.clone()),
        };
        let is_news = self
            .written
            .as_ref()
            .is_none_or(|written| !says_the_same(written, &kept));
        let memo_before = self.memo.clone();
        if let Ok(decision) = &answer {
            self.memo.clone_from(&decision.memo);
            let pauses = decision.verdict == Verdict::Pause
                && decision
                    .reasons
                    .iter()
                    .all(|reason| self.overruled.contains(&reason_key(reason)));
            if !pauses {
                self.overruled.clear();
            }
        }
        self.latest = Some(answer);
        if !is_news && memo_before == self.memo {
            self.repeats.count(now.wall);
            return None;
        }
        self.written = Some(kept.clone());
        Some(Noted {
            record: DecisionRecord {
                policy: self.pin.name.clone(),
                component: self.pin.component,
                settings: self.pin.settings,
                at: now.wall,
                view: seen(view, signals),
                memo_before,
                answer: kept,
            },
            is_news,
        })
    }

    /// Its newest decision, of this process or of the store.
    fn newest(&self) -> Option<&Decision> {
        match (&self.latest, &self.written) {
            (Some(Ok(decision)), _) | (None, Some(DecisionAnswer::Decided(decision))) => {
                Some(decision)
            }
            (Some(Err(_)), _) | (None, Some(DecisionAnswer::Failed(_)) | None) => None,
        }
    }

    fn verdict(&self) -> Verdict {
        match &self.latest {
            None => Verdict::Continue,
            Some(Err(_)) => Verdict::Hold,
            Some(Ok(decision)) => match decision.verdict {
                Verdict::Pause if !self.overruled.is_empty() => Verdict::Continue,
                verdict => verdict,
            },
        }
    }

    /// When the clock may end its hold.
    fn lifts_at(&self) -> Option<Timestamp> {
        let decision = self.latest.as_ref()?.as_ref().ok()?;
        let awaits = |reason: &Reason| reason.code == AWAITING_APPROVAL;
        decision
            .ask_at
            .filter(|_| !decision.reasons.iter().any(awaits))
    }

    fn reasons(&self) -> Vec<Reason> {
        match &self.latest {
            None => Vec::new(),
            Some(Ok(decision)) => decision.reasons.clone(),
            Some(Err(message)) => vec![Reason {
                code: "policy-failed".to_owned(),
                cohort: None,
                parameters: [("policy".to_owned(), Value::Text(self.pin.name.to_string()))].into(),
                text: format!("policy `{}` could not answer: {message}", self.pin.name),
            }],
        }
    }
}

/// The view of a policy that wants these signals.
fn seen(view: &View, signals: &[Signal]) -> View {
    View {
        signals: signals.to_vec(),
        ..view.clone()
    }
}

/// An answer that does not fit the cohorts is none.
fn sound(answer: Result<Decision, String>, cohorts: &[CohortView]) -> Result<Decision, String> {
    let decision = answer?;
    if decision.ceilings.len() != cohorts.len() {
        return Err(format!(
            "it gave {} ceilings for {} cohorts",
            decision.ceilings.len(),
            cohorts.len()
        ));
    }
    Ok(decision)
}

/// Whether two answers differ in nothing but how long they hold and the memo.
fn says_the_same(one: &DecisionAnswer, other: &DecisionAnswer) -> bool {
    match (one, other) {
        (DecisionAnswer::Decided(one), DecisionAnswer::Decided(other)) => {
            one.ceilings == other.ceilings
                && one.verdict == other.verdict
                && one.reasons == other.reasons
                && one.triggers == other.triggers
                && one.rechecks == other.rechecks
        }
        (DecisionAnswer::Failed(one), DecisionAnswer::Failed(other)) => one == other,
        (DecisionAnswer::Decided(_), DecisionAnswer::Failed(_))
        | (DecisionAnswer::Failed(_), DecisionAnswer::Decided(_)) => false,
    }
}

/// What makes a reason the one that a person overruled: its numbers may change, what it speaks of
/// may not.
type ReasonKey = (String, Option<CohortIndex>, Vec<(String, String)>);

fn reason_key(reason: &Reason) -> ReasonKey {
    let texts = reason
        .parameters
        .iter()
        .filter_map(|(name, value)| match value {
            Value::Text(text) => Some((name.clone(), text.clone())),
            Value::Integer(_) | Value::Real(_) | Value::Boolean(_) | Value::Json(_) => None,
        });
    (reason.code.clone(), reason.cohort, texts.collect())
}
