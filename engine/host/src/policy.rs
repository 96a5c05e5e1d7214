use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use wasmtime::{Store, component::ResourceAny};
use windlass_model::{
    Admission, Cohort, CohortIndex, Decision, Device, FailureKind, Placement, SignalName,
    TierCount, Timestamp, View,
};

use crate::{
    OpenError, PluginError, PluginErrorKind,
    bindings::policy::{self, Guest},
    contract::{Opening, PolicyContract},
    convert::{
        Projection, admission, candidate_record, check_cohorts, check_decision, check_signals, cut,
        device_record, placement, tier_record, view_record,
    },
    guest::{Opened, Session, State, Template},
    limits::{BATCH, MEMO_BYTES},
};

/// A policy that was opened with settings. Cheap to clone.
#[derive(Clone)]
pub struct Policy {
    opened: Arc<Opened<PolicyContract>>,
    projection: Arc<Projection>,
    admits: bool,
    signals: Arc<[SignalName]>,
}

/// A device that is about to be admitted.
#[derive(Clone, Debug)]
pub struct PolicyCandidate {
    /// The device.
    pub device: Arc<Device>,
    /// Its cohort.
    pub cohort: CohortIndex,
    /// Attempts made so far.
    pub attempts: u32,
    /// How the last attempt failed, and when.
    pub last_failure: Option<(FailureKind, Timestamp)>,
    /// When the device was first heard of.
    pub first_seen: Option<Timestamp>,
}

impl Policy {
    pub(crate) async fn open(
        template: Arc<Template<PolicyContract>>,
        opening: Opening,
    ) -> Result<Self, OpenError> {
        let shared = Arc::clone(&template.shared);
        let (opened, projection) = shared
            .runtimes
            .on_guests(async move {
                let opened = Opened::open(template, opening).await?;
                let projection = opened.projection().await?;
                Ok::<_, OpenError>((opened, projection))
            })
            .await?;
        let mut policy = Self {
            opened,
            projection,
            admits: true,
            signals: [].into(),
        };
        policy.signals = policy
            .call(
                "signals",
                0,
                |store, guest, policy| {
                    Box::pin(
                        async move { guest.compiled_policy().call_signals(store, policy).await },
                    )
                },
                check_signals,
            )
            .await?;
        policy.admits = policy
            .call(
                "admits",
                0,
                |store, guest, policy| {
                    Box::pin(
                        async move { guest.compiled_policy().call_admits(store, policy).await },
                    )
                },
                Ok,
            )
            .await?;
        Ok(policy)
    }

    /// The signals that it wants to see in every view, each once.
    pub fn signals(&self) -> &[SignalName] {
        &self.signals
    }

    /// Whether [`admit`](Self::admit) ever says anything but "now, in any order".
    pub fn admits(&self) -> bool {
        self.admits
    }

    /// How each of `devices` is ranked, in their order.
    ///
    /// # Errors
    ///
    /// If the policy fails or answers what the contract does not allow.
    pub async fn place(
        &self,
        now: Timestamp,
        devices: &[Device],
    ) -> Result<Vec<Placement>, PluginError> {
        let mut placements = Vec::with_capacity(devices.len());
        for batch in devices.chunks(BATCH) {
            let count = batch.len();
            let records: Vec<_> = batch
                .iter()
                .map(|device| device_record(device, &self.projection))
                .collect();
            let placed = self
                .call(
                    "place",
                    count,
                    move |store, guest, policy| {
                        Box::pin(async move {
                            let policies = guest.compiled_policy();
                            policies.call_place(store, policy, now.0, &records).await
                        })
                    },
                    move |said| one_each(said, count, placement),
                )
                .await?;
            placements.extend(placed);
        }
        Ok(placements)
    }

    /// Cuts `tiers` into cohorts, which hold exactly the devices of the tiers.
    ///
    /// # Errors
    ///
    /// If the policy fails or answers what the contract does not allow.
    pub async fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, PluginError> {
        let devices = tiers.iter().map(|tier| tier.devices).sum();
        let records: Vec<_> = tiers.iter().map(tier_record).collect();
        self.call(
            "cohorts",
            records.len(),
            move |store, guest, policy| {
                Box::pin(async move {
                    let policies = guest.compiled_policy();
                    policies.call_cohorts(store, policy, &records).await
                })
            },
            move |said| match said {
                Ok(cohorts) => check_cohorts(cohorts, devices),
                Err(text) => Err(PluginErrorKind::Declined(cut(text).into())),
            },
        )
        .await
    }

    /// When each of `candidates` may start, in their order.
    ///
    /// # Errors
    ///
    /// If the policy fails or answers what the contract does not allow.
    pub async fn admit(
        &self,
        now: Timestamp,
        candidates: &[PolicyCandidate],
    ) -> Result<Vec<Admission>, PluginError> {
        let mut admissions = Vec::with_capacity(candidates.len());
        for batch in candidates.chunks(BATCH) {
            let count = batch.len();
            let records: Vec<_> = batch
                .iter()
                .map(|candidate| candidate_record(candidate, &self.projection))
                .collect();
            let admitted = self
                .call(
                    "admit",
                    count,
                    move |store, guest, policy| {
                        Box::pin(async move {
                            let policies = guest.compiled_policy();
                            policies.call_admit(store, policy, now.0, &records).await
                        })
                    },
                    move |said| one_each(said, count, admission),
                )
                .await?;
            admissions.extend(admitted);
        }
        Ok(admissions)
    }

    /// What it decides on `view`, given the memo of its last decision.
    ///
    /// # Errors
    ///
    /// If the policy fails or answers what the contract does not allow.
    pub async fn decide(&self, view: &View, memo: &[u8]) -> Result<Decision, PluginError> {
        let (cohorts, record) = (view.cohorts.len(), view_record(view));
        let (opened, memo) = (Arc::clone(&self.opened), memo.to_vec());
        let shared = &self.opened.template.shared;
        let decided = async move {
            let mut session = Session::default();
            decide(&mut session, &opened, cohorts, record, memo).await
        };
        shared.runtimes.on_guests(decided).await
    }

    /// The same, by one who is on the guest runtime already.
    pub(crate) async fn decide_within(
        &self,
        session: &mut Session<PolicyContract>,
        view: &View,
        memo: &[u8],
    ) -> Result<Decision, PluginError> {
        let (cohorts, record) = (view.cohorts.len(), view_record(view));
        decide(session, &self.opened, cohorts, record, memo.to_vec()).await
    }

    /// Turns the memo of another component into one of this, for a swap.
    ///
    /// # Errors
    ///
    /// If the policy fails, or declines because it cannot.
    pub async fn migrate(
        &self,
        from_component: String,
        memo: Vec<u8>,
    ) -> Result<Vec<u8>, PluginError> {
        self.call(
            "migrate",
            0,
            move |store, guest, policy| {
                Box::pin(async move {
                    let policies = guest.compiled_policy();
                    policies
                        .call_migrate(store, policy, &from_component, &memo)
                        .await
                })
            },
            |said| match said {
                Ok(memo) if memo.len() <= MEMO_BYTES => Ok(memo),
                Ok(memo) => Err(PluginErrorKind::Contract(
                    format!(
                        "it answered with a memo of {} bytes, of which {MEMO_BYTES} are allowed",
                        memo.len()
                    )
                    .into(),
                )),
                Err(text) => Err(PluginErrorKind::Declined(cut(text).into())),
            },
        )
        .await
    }

    /// Calls a function that is given `items` devices or the like.
    async fn call<T, A>(
        &self,
        name: &'static str,
        items: usize,
        call: impl for<'a> FnOnce(
            &'a mut Store<State>,
            Arc<Guest>,
            ResourceAny,
        ) -> BoxFuture<'a, wasmtime::Result<T>>
        + Send
        + 'static,
        check: impl FnOnce(T) -> Result<A, PluginErrorKind> + Send + 'static,
    ) -> Result<A, PluginError>
    where
        T: Send + 'static,
        A: Send + 'static,
    {
        let opened = Arc::clone(&self.opened);
        let shared = Arc::clone(&opened.template.shared);
        let items = u32::try_from(items).unwrap_or(u32::MAX);
        let extra: Duration = shared.limits.device_cpu.saturating_mul(items);
        shared
            .runtimes
            .on_guests(async move { opened.call(name, extra, call, check).await })
            .await
    }
}

/// Asks for a decision about `cohorts` cohorts, on the guest runtime.
async fn decide(
    session: &mut Session<PolicyContract>,
    opened: &Opened<PolicyContract>,
    cohorts: usize,
    view: policy::View,
    memo: Vec<u8>,
) -> Result<Decision, PluginError> {
    session
        .call(
            opened,
            "decide",
            Duration::ZERO,
            move |store, guest, policy| {
                Box::pin(async move {
                    let policies = guest.compiled_policy();
                    policies.call_decide(store, policy, &view, &memo).await
                })
            },
            move |said| check_decision(said, cohorts),
        )
        .await
}

/// One answer per item, converted.
fn one_each<S, T>(
    said: Vec<S>,
    count: usize,
    convert: impl FnMut(S) -> Result<T, PluginErrorKind>,
) -> Result<Vec<T>, PluginErrorKind> {
    if said.len() == count {
        said.into_iter().map(convert).collect()
    } else {
        Err(PluginErrorKind::Contract(
            format!("it gave {} answers for {count} devices", said.len()).into(),
        ))
    }
}
