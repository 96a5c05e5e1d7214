//! A built-in policy's component behind the SDK's trait, so that native laws can ask it.

use std::{collections::BTreeMap, marker::PhantomData, num::NonZeroUsize, sync::LazyLock};

use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};
use windlass_host::{Host, HostConfig, Limits, OpenError, Plugin, Policy};
use windlass_model::{PluginName, Timestamp};
use windlass_sdk::{
    Admission, Candidate, Cohort, Decision, Place, Policy as Native, Problem, TierCount, View,
};

use crate::convert;

/// Names one of the embedded components.
pub(crate) trait Builtin: 'static {
    /// What follows `builtin:`.
    const NAME: &'static str;
}

/// A policy that was opened in the sandbox. Its calls are served by one instance, which is kept
/// between them; another `Compiled`, of the same settings or not, has an instance of its own.
pub(crate) struct Compiled<B> {
    policy: Policy,
    component: PhantomData<B>,
}

/// What all laws share: compiling the components takes longer than any law.
struct Sandbox {
    runtime: Runtime,
    policies: BTreeMap<&'static str, Plugin>,
}

static SANDBOX: LazyLock<Sandbox> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("threads can be started");
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: None,
        limits: Limits::default(),
    })
    .expect("the machine has room for a few instances");
    let policies = windlass_builtin::ALL
        .iter()
        .filter(|builtin| builtin.name.starts_with("policy-"))
        .map(|builtin| {
            let component = Bytes::from_static(builtin.bytes);
            let loaded = host.load(PluginName::new(builtin.name), component);
            let plugin = runtime.block_on(loaded).expect("it is a plugin");
            (builtin.name, plugin)
        })
        .collect();
    Sandbox { runtime, policies }
});

/// Opens a built-in policy in a fresh instance.
pub(crate) fn try_open(name: &str, settings: &Value) -> Result<Policy, OpenError> {
    let plugin = &SANDBOX.policies[name];
    wait(plugin.policy(settings))
}

/// Runs an asynchronous call of the host on a thread that is none of its own.
pub(crate) fn wait<T>(call: impl Future<Output = T>) -> T {
    SANDBOX.runtime.handle().block_on(call)
}

impl<B: Builtin> Native for Compiled<B> {
    type Settings = Value;

    fn open(settings: Value) -> Result<Self, Vec<Problem>> {
        match try_open(B::NAME, &settings) {
            Ok(policy) => Ok(Self {
                policy,
                component: PhantomData,
            }),
            Err(OpenError::Refused(problems)) => Err(problems
                .into_iter()
                .map(|problem| Problem {
                    place: Place::Settings,
                    message: problem.message,
                    hint: problem.hint,
                })
                .collect()),
            Err(broken @ (OpenError::Plugin(_) | OpenError::WrongKind { .. })) => {
                panic!("{settings}: {broken}")
            }
        }
    }

    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String> {
        let tiers: Vec<_> = tiers.iter().map(convert::tier).collect();
        match wait(self.policy.cohorts(&tiers)) {
            Ok(cohorts) => Ok(cohorts.into_iter().map(convert::cohort).collect()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn signals(&self) -> Vec<String> {
        let names = self.policy.signals().iter();
        names.map(|name| name.as_str().to_owned()).collect()
    }

    fn admit(&self, now: u64, candidate: &Candidate) -> Admission {
        let candidate = convert::candidate(candidate);
        let admissions = wait(self.policy.admit(Timestamp(now), &[candidate]));
        let mut admissions = admissions.unwrap_or_else(|error| panic!("{error}"));
        convert::admission(admissions.remove(0))
    }

    fn decide(&self, view: &View, memo: &[u8]) -> Decision {
        let decision = wait(self.policy.decide(&convert::view(view), memo));
        convert::decision(decision.unwrap_or_else(|error| panic!("{error}")))
    }
}
