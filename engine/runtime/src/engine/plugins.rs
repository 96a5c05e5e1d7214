use std::sync::{Arc, PoisonError, RwLock};

use futures_util::{StreamExt, stream};
use windlass_core::{
    Candidate, DecideRequest, DeliveryFacts, Gate, ShadowRequest, admission::code,
};
use windlass_host::{Job, PluginError, ProbeLimits};
use windlass_model::{
    Assignment, AssignmentState, AttemptOutcome, Connectivity, Decision, Device, Failure,
    FailureKind, Observation, ObservationSource, PluginPin, Reason, Release, Timestamp, Value,
    Verification,
};

use windlass_store::StoreHandle;

use super::{
    Attempt, AttemptEnd, Executor, Signals, Surroundings,
    checkpoints::{Checkpoints, Listener},
    sightings::Sightings,
};
use crate::{
    bandwidth::Bandwidth,
    parts::{DeliveryPart, Parts, PolicyPart, delivery_facts},
    planning::{outlook, routes},
    signals::SignalSource,
};

/// Probes at once: what the host answers at once whatever the concurrency, so that a probe's
/// time is not spent waiting for its turn.
const PROBES_MAX: usize = 8;
/// How long devices are put off that a filter or policy could not be asked about.
const PLUGIN_TROUBLE_DELAY: std::time::Duration = std::time::Duration::from_secs(5);

/// Carries out effects with the plugins of a rollout.
pub struct PluginExecutor {
    force: RwLock<Force>,
    release: Arc<Release>,
    checkpoints: Checkpoints,
    sightings: Sightings,
    bandwidth: Arc<Bandwidth>,
}

/// Policies that a rollout may be given under way.
pub struct FurtherPolicies {
    /// Opened.
    pub policies: Vec<PolicyPart>,
    /// Where the signals are measured that they ask for. Those of a name that the rollout has
    /// already take its place.
    pub signals: Vec<Arc<SignalSource>>,
}

/// What is in force, and the policies at hand.
struct Force {
    parts: Arc<Parts>,
    at_hand: Vec<PolicyPart>,
}

impl Force {
    /// Measures these too; those of a name that is known already take its place.
    fn measure(&mut self, signals: Vec<Arc<SignalSource>>) {
        let mut parts = Parts::clone(&self.parts);
        let is_new = |source: &SignalSource| {
            let mut names = signals.iter().map(|signal| &signal.name);
            names.any(|name| *name == source.name)
        };
        parts.signals.retain(|source| !is_new(source));
        parts.signals.extend(signals);
        self.parts = Arc::new(parts);
    }
}

impl PluginExecutor {
    /// Takes over what a rollout runs with; `store` keeps the deliveries' checkpoints,
    /// `bandwidth` is the engine's. `before` are the policies that are put back if those of the
    /// parts are on probation and fail.
    pub fn new(
        parts: Parts,
        before: Vec<PolicyPart>,
        store: StoreHandle,
        bandwidth: Arc<Bandwidth>,
    ) -> Self {
        let release = Arc::new(parts.release.clone());
        let mut at_hand = parts.policies.clone();
        at_hand.extend(before);
        let parts = Arc::new(parts);
        Self {
            force: RwLock::new(Force { parts, at_hand }),
            release,
            checkpoints: Checkpoints(store.clone()),
            sightings: Sightings(store),
            bandwidth,
        }
    }

    /// What the rollout runs with now.
    pub fn parts(&self) -> Arc<Parts> {
        let force = self.force.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&force.parts)
    }

    /// The delivery that serves a device, if there is one.
    async fn route<'a>(
        parts: &'a Parts,
        device: &Device,
    ) -> Result<Option<&'a DeliveryPart>, PluginError> {
        if let [only] = parts.deliveries.as_slice()
            && only.when.is_none()
        {
            return Ok(Some(only));
        }
        let now = device.last_seen.unwrap_or_default();
        // Boxed, because most rollouts have one delivery, and every transfer passes here.
        let found = Box::pin(routes(&parts.deliveries, std::slice::from_ref(device), now));
        let found = found.await?;
        let route = found.first().copied().flatten();
        Ok(route.and_then(|route| parts.deliveries.get(route.0)))
    }

    fn job(&self, parts: &Parts, attempt: &Attempt, listener: Arc<Listener>) -> Job {
        Job {
            device: Arc::clone(&attempt.device),
            release: Arc::clone(&self.release),
            assignment: attempt.assignment,
            attempt: attempt.id,
            number: attempt.number,
            checkpoint: None,
            idle: parts.settings.timeouts.idle,
            deadline: parts.settings.timeouts.attempt,
            cancel: attempt.cancel.clone(),
            observer: listener,
            throttles: self.bandwidth.of(&attempt.device),
        }
    }

    /// The devices with what a probe found out about those that wait for a connection. What
    /// is news is kept in the registry.
    async fn probed(&self, rows: &[(Assignment, Arc<Device>)], now: Timestamp) -> Vec<Arc<Device>> {
        let mut probes = Vec::with_capacity(rows.len());
        for (row, device) in rows {
            probes.push(self.with_probe(row, Arc::clone(device), now));
        }
        let probed: Vec<_> = stream::iter(probes).buffered(PROBES_MAX).collect().await;
        let (devices, seen): (Vec<_>, Vec<_>) = probed.into_iter().unzip();
        self.sightings
            .keep(seen.into_iter().flatten().collect())
            .await;
        devices
    }

    async fn with_probe(
        &self,
        row: &Assignment,
        mut device: Arc<Device>,
        now: Timestamp,
    ) -> (Arc<Device>, Option<Observation>) {
        let waits =
            matches!(row.state, AssignmentState::Deferred(deferral) if deferral.needs_connection);
        if !waits {
            return (device, None);
        }
        let answer = self.probe(Arc::clone(&device)).await;
        let status = match answer {
            Some(_) => Connectivity::Online,
            None => Connectivity::Offline,
        };
        let version = answer.flatten();
        let is_news = device.status != status || (version.is_some() && version != device.version);
        let seen = is_news.then(|| Observation {
            device: row.device,
            at: now,
            source: ObservationSource::Probe,
            version: version.clone(),
            status: Some(status),
        });
        if status == Connectivity::Online {
            let device = Arc::make_mut(&mut device);
            device.status = status;
            device.last_seen = Some(now);
            device.version = version.or(device.version.take());
        }
        (device, seen)
    }

    /// The version that a connected device runs, if it tells; none if it is not reached.
    async fn probe(&self, device: Arc<Device>) -> Option<Option<String>> {
        let parts = self.parts();
        let part = Self::route(&parts, &device).await.ok()??;
        let idle = parts.settings.timeouts.idle;
        let state = part
            .delivery
            .probe(
                device,
                ProbeLimits {
                    idle,
                    deadline: idle,
                },
            )
            .await
            .ok()?;
        state.reachable.then_some(state.version)
    }
}

impl Executor for PluginExecutor {
    type Policies = FurtherPolicies;

    fn prepare(&self, further: FurtherPolicies) {
        let mut force = self.force.write().unwrap_or_else(PoisonError::into_inner);
        force.at_hand.extend(further.policies);
        force.measure(further.signals);
    }

    fn shadow(&self, further: FurtherPolicies) {
        let mut force = self.force.write().unwrap_or_else(PoisonError::into_inner);
        let mut parts = Parts::clone(&force.parts);
        let is_new = |part: &PolicyPart| {
            let mut names = further.policies.iter().map(|policy| &policy.pin.name);
            names.any(|name| *name == part.pin.name)
        };
        parts.shadows.retain(|part| !is_new(part));
        parts.shadows.extend(further.policies);
        force.parts = Arc::new(parts);
        // What the policies in force see measured stays what it is.
        let known = |source: &Arc<SignalSource>| {
            let mut names = force.parts.signals.iter().map(|signal| &signal.name);
            names.any(|name| *name == source.name)
        };
        let mut signals = further.signals;
        signals.retain(|source| !known(source));
        force.measure(signals);
    }

    async fn ask_shadow(&self, request: ShadowRequest) -> Result<Decision, String> {
        let parts = self.parts();
        let part = parts.shadows.iter().find(|part| part.pin == request.pin);
        match part {
            Some(part) => part
                .policy
                .decide(&request.view, &request.memo)
                .await
                .map_err(|error| error.summary()),
            None => Err(format!(
                "the policy `{}` is not at hand as it was when it was put in shadow",
                request.pin.name
            )),
        }
    }

    fn ask(&self, policies: &[PluginPin]) {
        let mut force = self.force.write().unwrap_or_else(PoisonError::into_inner);
        let pins = force.parts.policies.iter().map(|part| &part.pin);
        if pins.eq(policies) {
            return;
        }
        let find = |pin: &PluginPin| force.at_hand.iter().find(|part| part.pin == *pin).cloned();
        let found: Option<Vec<_>> = policies.iter().map(find).collect();
        let policies = found.unwrap_or_default();
        // Others are of swaps before the last, which nothing goes back to.
        let mut at_hand = policies.clone();
        at_hand.extend(force.parts.policies.iter().cloned());
        let parts = Parts::clone(&force.parts);
        *force = Force {
            parts: Arc::new(Parts { policies, ..parts }),
            at_hand,
        };
    }

    fn facts(&self) -> DeliveryFacts {
        delivery_facts(&self.parts().deliveries)
    }

    fn signals(&self) -> Signals {
        let parts = self.parts();
        let wanted: Vec<_> = parts
            .policies
            .iter()
            .map(|part| part.policy.signals().to_vec())
            .collect();
        let in_shadow: Vec<_> = parts
            .shadows
            .iter()
            .map(|part| (part.pin.clone(), part.policy.signals().to_vec()))
            .collect();
        let of_shadows = || in_shadow.iter().flat_map(|(_, names)| names);
        let is_wanted = |source: &&Arc<SignalSource>| {
            let mut names = wanted.iter().flatten().chain(of_shadows());
            names.any(|name| *name == source.name)
        };
        Signals {
            sources: parts.signals.iter().filter(is_wanted).cloned().collect(),
            wanted,
            in_shadow,
        }
    }

    async fn consider(
        &self,
        rows: Vec<(Assignment, Arc<Device>)>,
        around: Surroundings,
        now: Timestamp,
    ) -> Vec<Candidate> {
        let devices = self.probed(&rows, now).await;
        let gates = match outlook::judge(&self.parts(), &rows, &devices, &around, now).await {
            Ok(gates) => gates,
            Err(error) => {
                tracing::error!(
                    error = error.summary(),
                    "a plugin could not judge devices; they wait"
                );
                vec![trouble(&error, now); rows.len()]
            }
        };
        let pairs = rows.into_iter().zip(gates);
        pairs
            .map(|((assignment, _), gate)| Candidate {
                assignment,
                gate,
                groups: Vec::new(),
            })
            .collect()
    }

    async fn push(&self, attempt: Attempt) -> AttemptEnd {
        let parts = self.parts();
        let part = match Self::route(&parts, &attempt.device).await {
            Ok(Some(part)) => part,
            Ok(None) => {
                let text = "no configured delivery serves this device any more";
                return not_begun(Failure::new(FailureKind::Incompatible, text));
            }
            Err(error) => return not_begun(plugin_failure(&error)),
        };
        let listener = Listener::new(attempt.transfer.clone());
        let mut job = self.job(&parts, &attempt, Arc::clone(&listener));
        let payload = Arc::clone(&parts.payload);
        let end = if part.delivery.capabilities().resumes {
            // Only an earlier attempt of the assignment can have kept one.
            if attempt.number > 1 {
                job.checkpoint = self.checkpoints.read(attempt.assignment).await;
            }
            let of = (attempt.assignment, attempt.id);
            let push = part.delivery.push(job, payload);
            self.checkpoints.keep_during(push, &listener, of).await
        } else {
            part.delivery.push(job, payload).await
        };
        AttemptEnd {
            outcome: end.outcome,
            bytes: end.bytes_sent,
            reached: end.reached,
        }
    }

    async fn verify(&self, attempt: Attempt) -> Result<Verification, Failure> {
        let parts = self.parts();
        match Self::route(&parts, &attempt.device).await {
            Ok(Some(part)) if part.delivery.capabilities().verifies => {
                let listener = Listener::new(None);
                part.delivery
                    .verify(self.job(&parts, &attempt, listener))
                    .await
            }
            Ok(Some(_) | None) => Ok(Verification::CannotTell),
            Err(error) => Err(plugin_failure(&error)),
        }
    }

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        let parts = self.parts();
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            let answer = match parts.policies.get(request.policy) {
                Some(part) => part
                    .policy
                    .decide(&request.view, &request.memo)
                    .await
                    .map_err(|error| error.summary()),
                None => Err("the policy is not configured any more".into()),
            };
            answers.push(answer);
        }
        answers
    }
}

fn plugin_failure(error: &PluginError) -> Failure {
    Failure::new(FailureKind::Plugin, error.summary())
}

fn not_begun(failure: Failure) -> AttemptEnd {
    AttemptEnd {
        outcome: AttemptOutcome::Failed(failure),
        bytes: 0,
        reached: 0,
    }
}

fn trouble(error: &PluginError, now: Timestamp) -> Gate {
    Gate::Defer {
        until: now.plus(PLUGIN_TROUBLE_DELAY),
        needs_connection: false,
        reason: Some(Reason {
            code: code::PLUGIN_FAILED.into(),
            cohort: None,
            parameters: [(code::PLUGIN.into(), Value::Text(error.plugin.to_string()))].into(),
            text: error.summary(),
        }),
    }
}
