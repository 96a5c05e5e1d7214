//! A policy that decides well for a while, and then fails. How often it has decided is in its
//! memo, so it is as pure as any.

use windlass_sdk::{Admission, Candidate, Ceiling, Cohort, Decision, TierCount, Verdict, View, prelude::*};

/// How far it does well.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
struct Settings {
    /// Decisions before it fails.
    sound: u8,
    /// How it fails.
    fault: Fault,
    /// It traps when it is asked about a device.
    #[serde(default)]
    judges_nobody: bool,
    /// The cohorts that it cuts.
    #[serde(default)]
    cuts: Cuts,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
enum Fault {
    /// It panics.
    Trap,
    /// It never answers.
    Loop,
    /// It gives no ceilings.
    Nonsense,
}

#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
enum Cuts {
    /// One.
    #[default]
    One,
    /// None can be cut.
    Declines,
    /// One with a device too many.
    TooMany,
}

struct Failing(Settings);

/// It is asked again so soon.
const AGAIN: u64 = 1_000;
/// So long its decisions hold.
const HOLDS: u64 = 60_000;

impl Policy for Failing {
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self(settings))
    }

    fn admits(&self) -> bool {
        self.0.judges_nobody
    }

    fn admit(&self, _: Timestamp, candidate: &Candidate) -> Admission {
        panic!("asked about {}", candidate.device.id);
    }

    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String> {
        let devices: u64 = tiers.iter().map(|tier| tier.devices).sum();
        let size = match self.0.cuts {
            Cuts::One => devices,
            Cuts::Declines => return Err("these devices are not to my taste".to_owned()),
            Cuts::TooMany => devices + 1,
        };
        let name = "everyone".to_owned();
        Ok(vec![Cohort { name, size }])
    }

    fn decide(&self, view: &View, memo: &[u8]) -> Decision {
        let decided = memo.first().copied().unwrap_or(0);
        let mut ceilings = vec![Ceiling::UNLIMITED; view.cohorts.len()];
        if decided >= self.0.sound {
            match self.0.fault {
                Fault::Trap => panic!("failed after {decided} decisions"),
                Fault::Loop => loop {
                    std::hint::spin_loop();
                },
                Fault::Nonsense => ceilings.clear(),
            }
        }
        Decision {
            ceilings,
            valid_until: view.now.saturating_add(HOLDS),
            verdict: Verdict::Continue,
            reasons: Vec::new(),
            memo: vec![decided + 1],
            ask_at: Some(view.now.saturating_add(AGAIN)),
            triggers: Vec::new(),
            rechecks: Vec::new(),
        }
    }
}

windlass_sdk::export!(policy: Failing);
