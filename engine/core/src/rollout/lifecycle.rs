//! The rollout's own state: holds, pauses, aborts, stops and ends.

use windlass_model::{
    AssignmentId, AssignmentState, Change, Decision, DecisionAnswer, EventKind, Outcome, Reason,
    Rollback, RolloutState, StateKind, Value, Verdict, View,
};

use super::{
    Rollout,
    breaker::{Call, Tripped},
    counts,
    decide::Noted,
    timer::monotonic,
};
use crate::{Effect, Now, StopCause, admission::code};

impl Rollout {
    /// When the policies are to be asked, if they have a say.
    pub(super) fn decision_wanted(&self) -> Option<std::time::Duration> {
        let heard = match self.state {
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused => {
                self.stop.is_none()
            }
            RolloutState::Draft
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => false,
        };
        let next = self.decider.next_ask(self.now).filter(|_| heard)?;
        Some(self.next_lapse().map_or(next, |lapse| lapse.min(next)))
    }

    /// When a consent lapses, or a signal grows stale, that the policies were shown as being in
    /// force.
    fn next_lapse(&self) -> Option<std::time::Duration> {
        let shown = self.decider.shown();
        self.approvals
            .iter()
            .filter_map(|approval| approval.expires)
            .filter(|expires| *expires > shown)
            .chain(self.signals.next_lapse(shown))
            .min()
            .map(|expires| monotonic(self.now, expires))
    }

    pub(super) fn ask_policies(&mut self, now: Now) {
        if self
            .decision_wanted()
            .is_some_and(|due| due <= now.monotonic)
        {
            let view = self.view(now);
            let signals = self.signals.shown(now.wall);
            let requests = self.decider.ask(now, view, signals);
            self.effects.push(Effect::Decide { requests });
        }
    }

    /// What policies are shown now, without signals.
    pub(super) fn view(&mut self, now: Now) -> View {
        let pause = self.paused_since.map(|since| now.wall.since(since));
        View {
            now: now.wall,
            started_at: self.started_at.unwrap_or(now.wall),
            paused_for: self.paused_for + pause.unwrap_or_default(),
            cohorts: self.cohorts.clone(),
            starts_last_minute: self.starts.count(now.monotonic),
            approvals: self
                .approvals
                .iter()
                .filter(|approval| approval.expires.is_none_or(|end| now.wall < end))
                .cloned()
                .collect(),
            advances: self.advances.clone(),
            signals: Vec::new(),
        }
    }

    pub(super) fn decided(&mut self, now: Now, answers: Vec<Result<Decision, String>>) {
        let Some(noted) = self.decider.accept(now, answers, &self.cohorts) else {
            debug_assert!(false, "the policies were asked");
            return;
        };
        self.shadows
            .answered_in_force(now.wall, &self.decider, &self.cohorts);
        // What they say after an abort changes nothing, and is kept all the same.
        let counts = self.state != RolloutState::Aborting;
        if !noted.is_empty() || self.decider.repeats_are_overdue(now.wall) {
            self.keep_repeats();
        }
        for Noted { record, is_news } in noted {
            if is_news && counts {
                let policy = record.policy.clone();
                self.emit(
                    now,
                    match &record.answer {
                        DecisionAnswer::Decided(decision) => EventKind::DecisionTaken {
                            policy,
                            verdict: decision.verdict,
                            reasons: decision.reasons.clone(),
                        },
                        DecisionAnswer::Failed(message) => EventKind::DecisionFailed {
                            policy,
                            message: message.clone(),
                        },
                    },
                );
            }
            self.change(Change::Decision(Box::new(record)));
        }
        if !counts {
            return;
        }
        let (verdict, reasons) = self.decider.verdict();
        match verdict {
            Verdict::Continue | Verdict::Hold => self.review_hold(now),
            Verdict::Pause => self.pause(now, reasons),
            Verdict::Abort => self.condemn(now, reasons),
            Verdict::RollBack => {
                self.condemn(now, reasons);
                self.want_rollback();
            }
        }
        self.review_probation(now);
    }

    /// Has the store count the answers that repeated what it has. Before a new decision of the
    /// same policy, because they are of the one before.
    pub(super) fn keep_repeats(&mut self) {
        for repetition in self.decider.take_repeats() {
            self.change(Change::DecisionRepeated(repetition));
        }
    }

    /// A policy ends the rollout: its release is not to be tried again (design §7.6).
    fn condemn(&mut self, now: Now, reasons: Vec<Reason>) {
        let texts: Vec<_> = reasons
            .iter()
            .map(|reason| reason.text.as_str())
            .filter(|text| !text.is_empty())
            .collect();
        let why = if texts.is_empty() {
            "a policy aborted its rollout".to_owned()
        } else {
            texts.join("; ")
        };
        self.abort(now, reasons);
        self.change(Change::Condemned {
            at: now.wall,
            reason: why.clone(),
        });
        self.emit(
            now,
            EventKind::ReleaseCondemned {
                release: self.release_name.clone(),
                version: self.release_version.clone(),
                reason: why,
            },
        );
    }

    pub(super) fn want_rollback(&mut self) {
        if self.rollback == Rollback::NotWanted {
            self.rollback = Rollback::Wanted;
            self.change(Change::RollbackWanted);
        }
    }

    /// Enters or leaves a hold, as the policies and breakers want it.
    pub(super) fn review_hold(&mut self, now: Now) {
        let mut reasons = match self.decider.verdict() {
            (Verdict::Hold, reasons) => reasons,
            (Verdict::Continue | Verdict::Pause | Verdict::Abort | Verdict::RollBack, _) => {
                Vec::new()
            }
        };
        if self.breakers.open_until().is_some() {
            reasons.push(reason(
                code::PLUGIN_FAULTS,
                "the delivery keeps failing by its own fault",
                &[],
            ));
        }
        reasons.extend(self.trouble.holds().cloned());
        match self.state {
            RolloutState::Running if !reasons.is_empty() => {
                self.state = RolloutState::Holding;
                self.change_rollout();
                self.emit(
                    now,
                    EventKind::RolloutHolding {
                        reasons: reasons.clone(),
                    },
                );
            }
            RolloutState::Holding if reasons.is_empty() => {
                self.state = RolloutState::Running;
                self.change_rollout();
                self.emit(now, EventKind::RolloutReleased);
            }
            RolloutState::Running | RolloutState::Holding => {}
            RolloutState::Draft
            | RolloutState::Paused
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => return,
        }
        self.reasons = reasons;
    }

    pub(super) fn plugin_worked(&mut self, now: Now, call: Call) {
        self.breakers.of(call).reset();
        self.review_hold(now);
    }

    pub(super) fn plugin_failed(&mut self, now: Now, call: Call, message: &str) {
        match self.breakers.of(call).fault(now.monotonic) {
            Tripped::No => {}
            Tripped::Opened => self.review_hold(now),
            Tripped::GaveUp => {
                let text = "the delivery keeps failing by its own fault and was tried often enough";
                self.pause(
                    now,
                    vec![reason(code::PLUGIN_FAULTS, text, &[("last", message)])],
                );
            }
        }
    }

    pub(super) fn elapse_break(&mut self, now: Now) {
        if self.breakers.open_until().is_some() {
            self.breakers.elapse(now.monotonic);
            self.review_hold(now);
        }
    }

    /// A payload that changed must reach no further device.
    pub(super) fn pause_for_source(&mut self, now: Now, message: &str) {
        let text = "the payload cannot be read as it was pinned";
        self.pause(now, vec![reason("payload", text, &[("cause", message)])]);
    }

    pub(super) fn pause(&mut self, now: Now, reasons: Vec<Reason>) {
        if matches!(self.state, RolloutState::Running | RolloutState::Holding) {
            self.state = RolloutState::Paused;
            self.paused_since = Some(now.wall);
            self.change_rollout();
            self.reasons.clone_from(&reasons);
            self.emit(now, EventKind::RolloutPaused { reasons });
        } else if self.state == RolloutState::Paused && self.reasons.is_empty() {
            // Paused by an earlier process, whose reasons are told anew.
            self.reasons = reasons;
        }
    }

    pub(super) fn resume(&mut self, now: Now, actor: String) {
        if self.state == RolloutState::Paused {
            self.end_pause(now);
            self.state = RolloutState::Running;
            self.change_rollout();
            self.reasons.clear();
            self.emit(now, EventKind::RolloutResumed { actor });
            self.breakers = Default::default();
            self.trouble.clear();
            self.decider.overrule();
            self.shadows.overrule();
            self.review_hold(now);
        }
    }

    fn end_pause(&mut self, now: Now) {
        if let Some(since) = self.paused_since.take() {
            self.paused_for += now.wall.since(since);
        }
    }

    pub(super) fn abort(&mut self, now: Now, reasons: Vec<Reason>) {
        match self.state {
            RolloutState::Draft
            | RolloutState::Running
            | RolloutState::Holding
            | RolloutState::Paused => {}
            RolloutState::Aborting | RolloutState::Aborted | RolloutState::Completed => return,
        }
        self.end_pause(now);
        self.give_up_recheck();
        self.state = RolloutState::Aborting;
        self.change_rollout();
        self.reasons.clone_from(&reasons);
        self.emit(now, EventKind::RolloutAborting { reasons });
        let idle: Vec<AssignmentId> = self
            .live
            .iter()
            .filter(|(_, live)| {
                matches!(
                    live.row.state.kind(),
                    StateKind::Admitted | StateKind::Waiting
                )
            })
            .map(|(id, _)| *id)
            .collect();
        for id in idle {
            self.cancel_assignment(now, id);
        }
        self.cancel_remaining(now);
    }

    pub(super) fn cancel_assignment(&mut self, now: Now, id: AssignmentId) {
        if let Some(live) = self.live.get(&id) {
            let device = live.row.device_id.clone();
            self.emit(now, EventKind::DeviceCancelled { device });
            self.advance(now, id, |row| row.state = AssignmentState::Cancelled);
        }
    }

    fn cancel_remaining(&mut self, now: Now) {
        self.waits.clear();
        let mut any = false;
        for cohort in &mut self.cohorts {
            any |= counts::cancel_rest(cohort, now.wall);
        }
        self.shadows
            .count_all(|cohort| counts::cancel_rest(cohort, now.wall));
        if any {
            self.change(Change::CancelRemaining);
        }
    }

    pub(super) fn stop(&mut self, now: Now, cause: StopCause) {
        if self.stop.is_none() {
            self.stop = Some(cause);
            self.emit(now, EventKind::RolloutStopping);
        }
    }

    /// Announces what ended with this step.
    pub(super) fn conclude(&mut self, now: Now) {
        if self.finished.is_some() || !self.is_under_way() {
            return;
        }
        self.close_cohorts(now);
        let all_ended = self
            .cohorts
            .iter()
            .all(|cohort| cohort.states.ended() == cohort.states.total());
        if all_ended && !self.awaits_last_word() {
            let (state, outcome) = if self.state == RolloutState::Aborting {
                (RolloutState::Aborted, Outcome::Aborted)
            } else {
                (RolloutState::Completed, Outcome::Completed)
            };
            self.end_pause(now);
            self.give_up_recheck();
            self.state = state;
            self.ended_at = Some(now.wall);
            self.change_rollout();
            self.finish(now, outcome);
        } else if let Some(cause) = self.stop
            && self.transferring == 0
        {
            self.finish(
                now,
                match cause {
                    StopCause::Signal => Outcome::Stopped,
                    StopCause::Blocked => Outcome::Held,
                },
            );
        }
    }

    /// Whether a verdict could still turn the end of the last device into an abort: it is
    /// waited for, also by the next run if this one stops before it comes.
    fn awaits_last_word(&self) -> bool {
        match self.state {
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused => {
                let has_targets = self.cohorts.iter().any(|cohort| cohort.states.total() > 0);
                self.begun && has_targets && self.decider.has_last_word()
            }
            RolloutState::Draft
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => false,
        }
    }

    /// Whether the rollout could end now: it has begun, or an order before that may have
    /// ended it.
    fn is_under_way(&self) -> bool {
        match self.state {
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused => true,
            RolloutState::Aborting => true,
            RolloutState::Draft | RolloutState::Aborted | RolloutState::Completed => false,
        }
    }

    fn close_cohorts(&mut self, now: Now) {
        for index in 0..self.cohorts.len() {
            let cohort = &self.cohorts[index];
            let key = windlass_model::CohortIndex(u32::try_from(index).unwrap_or(u32::MAX));
            if cohort.ended < cohort.states.total() || !self.closed.insert(key) {
                continue;
            }
            if cohort.first_started.is_some() {
                let ended = EventKind::CohortEnded {
                    cohort: cohort.name.clone(),
                    succeeded: cohort.states.get(StateKind::Succeeded),
                    failed: cohort.failures.values().sum(),
                };
                self.emit(now, ended);
            }
        }
    }

    fn finish(&mut self, now: Now, outcome: Outcome) {
        self.keep_repeats();
        self.shadows.settle();
        self.finished = Some(outcome);
        self.keep_policies();
        let started = self.started_at.unwrap_or(now.wall);
        let duration = now.wall.since(started).as_millis();
        let completed = EventKind::RolloutCompleted {
            outcome,
            counts: self.counts(),
            duration_ms: u64::try_from(duration).unwrap_or(u64::MAX),
        };
        self.emit(now, completed);
        if self.begun {
            self.effects.push(Effect::Finished(outcome));
        }
    }
}

pub(super) fn reason(code: &str, text: &str, parameters: &[(&str, &str)]) -> Reason {
    Reason {
        code: code.to_owned(),
        cohort: None,
        parameters: parameters
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), Value::Text((*value).to_owned())))
            .collect(),
        text: text.to_owned(),
    }
}
