use std::{collections::BTreeMap, sync::Arc};

use tokio_util::sync::CancellationToken;
use windlass_core::{Candidate, DecideRequest, DeliveryFacts, ShadowRequest};
use windlass_model::{
    Assignment, AssignmentId, AttemptId, AttemptOutcome, Decision, Device, DeviceKey, Failure,
    Hold, PluginPin, Rival, RolloutKey, SignalName, Timestamp, Verification,
};

use crate::{progress::Transfer, signals::SignalSource};

/// What the driver's effects are carried out by: plugins in a sandbox, or a simulated world.
/// Every method may be called many times at once.
pub trait Executor: Send + Sync + 'static {
    /// Policies, opened, that may be asked instead of those that are.
    type Policies: Send + 'static;

    /// Has further policies ready.
    fn prepare(&self, policies: Self::Policies);

    /// From the next question on, the policies of these pins are asked, in this order; nobody
    /// is if one of them is not at hand. Those asked before stay at hand.
    fn ask(&self, policies: &[PluginPin]);

    /// What the rules must know of the deliveries.
    fn facts(&self) -> DeliveryFacts;

    /// What the policies want to see measured; nothing unless an executor says otherwise.
    fn signals(&self) -> Signals {
        Signals::default()
    }

    /// Looks at devices whose turn may have come: filter, version, admission, holds, other
    /// rollouts, connection. One candidate per row, in the order given; their groups are
    /// filled in by the engine. A plugin that cannot answer defers its devices.
    fn consider(
        &self,
        rows: Vec<(Assignment, Arc<Device>)>,
        around: Surroundings,
        now: Timestamp,
    ) -> impl Future<Output = Vec<Candidate>> + Send;

    /// Carries out one attempt. Cancelled through its token; never dropped half-way.
    fn push(&self, attempt: Attempt) -> impl Future<Output = AttemptEnd> + Send;

    /// Asks a device what it runs.
    fn verify(
        &self,
        attempt: Attempt,
    ) -> impl Future<Output = Result<Verification, Failure>> + Send;

    /// Has further policies ready to be asked in shadow; nobody is unless an executor says
    /// otherwise.
    fn shadow(&self, policies: Self::Policies) {
        drop(policies);
    }

    /// Asks a policy in shadow.
    fn ask_shadow(
        &self,
        request: ShadowRequest,
    ) -> impl Future<Output = Result<Decision, String>> + Send {
        let name = request.pin.name;
        async move { Err(format!("the policy `{name}` is not at hand")) }
    }

    /// Asks the policies; one answer per request, in their order.
    fn decide(
        &self,
        requests: Vec<DecideRequest>,
    ) -> impl Future<Output = Vec<Result<Decision, String>>> + Send;
}

/// The signals of a rollout.
#[derive(Clone, Debug, Default)]
pub struct Signals {
    /// Which of them each policy wants to see, in configured order.
    pub wanted: Vec<Vec<SignalName>>,
    /// Which of them each policy in shadow wants to see.
    pub in_shadow: Vec<(PluginPin, Vec<SignalName>)>,
    /// Where they are measured.
    pub sources: Vec<Arc<SignalSource>>,
}

/// What the gates of some devices must know beside the devices.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Whose devices they are.
    pub rollout: RolloutKey,
    /// Those in force.
    pub holds: Vec<Hold>,
    /// Other rollouts' assignments of the devices.
    pub rivals: BTreeMap<DeviceKey, Vec<Rival>>,
    /// The rollouts that the engine drives.
    pub driven: Vec<RolloutKey>,
}

impl Surroundings {
    /// From what the store has.
    pub fn new(
        rollout: RolloutKey,
        holds: Vec<Hold>,
        rivals: Vec<Rival>,
        driven: Vec<RolloutKey>,
    ) -> Self {
        let mut of_device: BTreeMap<_, Vec<Rival>> = BTreeMap::new();
        for rival in rivals {
            of_device.entry(rival.device).or_default().push(rival);
        }
        Self {
            rollout,
            holds,
            rivals: of_device,
            driven,
        }
    }

    /// Other rollouts' assignments of one device.
    pub fn rivals_of(&self, device: DeviceKey) -> &[Rival] {
        self.rivals.get(&device).map_or(&[], Vec::as_slice)
    }
}

/// One attempt at one device.
pub struct Attempt {
    /// Of this assignment.
    pub assignment: AssignmentId,
    /// Its id on the wire.
    pub id: AttemptId,
    /// 1 for the assignment's first.
    pub number: u32,
    /// The device as it was last read.
    pub device: Arc<Device>,
    /// Stops it.
    pub cancel: CancellationToken,
    /// Where its bytes are counted; absent when nothing is sent.
    pub transfer: Option<Arc<Transfer>>,
}

/// How a push ended.
pub struct AttemptEnd {
    /// What became of it.
    pub outcome: AttemptOutcome,
    /// Payload bytes that left for the device in this attempt.
    pub bytes: u64,
    /// How far into the payload it came, counted from its start.
    pub reached: u64,
}
