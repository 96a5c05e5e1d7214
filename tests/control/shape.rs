//! What is said on the socket, as it is said.

use std::{num::NonZeroUsize, path::PathBuf};

use windlass_cli::control::{
    Chore, Done, Errand, Fate, Imported, Interrupt, PROTOCOL, Request, Response, RunErrand,
    ShadowErrand, ShadowWish, Shadowed, ShadowedHow, SwapErrand, SwapFate, Swapped, Which,
};
use windlass_model::{
    DeviceId, FailureKind, GroupField, Hold, HoldKind, HoldSubject, PluginName, RolloutName,
    RolloutState, Steering, Timestamp,
};
use windlass_runtime::WaitFor;

/// Each kind of chore leads to the next, so that a new one is missed by the compiler.
fn after(chore: Option<&Chore>) -> Option<Chore> {
    let name = || RolloutName::new("app-9");
    Some(match chore {
        None => Chore::Steer {
            rollout: Some(name()),
            order: Steering::Pause,
        },
        Some(Chore::Steer { .. }) => Chore::SwapPolicies(SwapErrand {
            config: PathBuf::from("windlass.toml"),
            directory: PathBuf::from("/srv"),
            rollout: Some(name()),
            restart_memo: true,
            dry_run: false,
        }),
        Some(Chore::SwapPolicies(_)) => Chore::Shadow(ShadowErrand {
            policy: PluginName::new("bold"),
            rollout: Some(name()),
            wish: ShadowWish::Add {
                config: PathBuf::from("windlass.toml"),
                directory: PathBuf::from("/srv"),
            },
        }),
        Some(Chore::Shadow(_)) => Chore::DeadLetters {
            rollout: Some(name()),
            which: Which::All {
                kind: Some(FailureKind::Unreachable),
            },
            fate: Fate::Requeue,
        },
        Some(Chore::DeadLetters { .. }) => Chore::PlaceHold {
            subject: HoldSubject::Device(DeviceId::new("d-1")),
            kind: HoldKind::Pin("1.0.0".to_owned()),
            until: Some(Timestamp(1)),
        },
        Some(Chore::PlaceHold { .. }) => Chore::LiftHold {
            subject: HoldSubject::Group {
                field: GroupField::Location,
                value: "a".to_owned(),
            },
        },
        Some(Chore::LiftHold { .. }) => Chore::Forgive {
            release: "app".to_owned(),
            version: "1.0.0".to_owned(),
        },
        Some(Chore::Forgive { .. }) => Chore::Import {
            file: PathBuf::from("/srv/devices.json"),
        },
        Some(Chore::Import { .. }) => Chore::Decommission {
            device: DeviceId::new("d-1"),
            undo: false,
        },
        Some(Chore::Decommission { .. }) => return None,
    })
}

/// What each chore is answered with.
fn done(chore: &Chore) -> Vec<Done> {
    match chore.clone() {
        Chore::Steer { order, .. } => vec![Done::Steered {
            rollout: RolloutName::new("app-9"),
            order,
            state: RolloutState::Paused,
            driven: true,
        }],
        Chore::SwapPolicies(_) => vec![Done::PoliciesSwapped(Box::new(Swapped {
            rollout: RolloutName::new("app-9"),
            fate: SwapFate::Driven,
            policies: Vec::new(),
            before: Vec::new(),
            after: Vec::new(),
            moved: 1,
            void: 2,
            paused: false,
        }))],
        Chore::Shadow(ShadowErrand { policy, .. }) => vec![Done::Shadowed(Shadowed {
            rollout: RolloutName::new("app-9"),
            policy,
            how: ShadowedHow::Added {
                cohorts: Vec::new(),
            },
            driven: true,
        })],
        Chore::DeadLetters { fate, .. } => vec![Done::DeadLetters {
            fate,
            devices: 1,
            rollouts: Vec::new(),
            driven: false,
        }],
        Chore::PlaceHold {
            subject,
            kind,
            until,
        } => vec![Done::HoldPlaced(Hold {
            subject,
            kind,
            until,
            actor: "ann".to_owned(),
            reason: "in repair".to_owned(),
            at: Timestamp(1),
        })],
        Chore::LiftHold { subject } => vec![Done::HoldLifted(subject)],
        Chore::Forgive { release, version } => vec![Done::Forgiven { release, version }],
        Chore::Import { .. } => vec![Done::Imported(Imported {
            added: 1,
            changed: 2,
            unchanged: 3,
        })],
        Chore::Decommission { device, .. } => vec![
            Done::Decommissioned(device.clone()),
            Done::Recommissioned(device),
        ],
    }
}

fn line(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it is JSON")
}

/// An engine and a command of two versions tell each other apart by [`PROTOCOL`] alone. The
/// snapshot is named after it: who changes what is said raises it, and writes the next one.
#[test]
fn what_is_said_belongs_to_a_version() {
    let chores: Vec<_> = std::iter::successors(after(None), |chore| after(Some(chore))).collect();
    let request = |what| Request {
        actor: "ann".to_owned(),
        reason: "because".to_owned(),
        what,
    };
    let run = RunErrand {
        config: PathBuf::from("/srv/windlass.toml"),
        directory: PathBuf::from("/srv"),
        state: Some(PathBuf::from("/srv/state.db")),
        concurrency: NonZeroUsize::new(8),
        wait: WaitFor::Blocked,
        resume: true,
        accept_changes: false,
    };
    let dones = chores.iter().flat_map(done).map(Response::Done);
    let answers = [
        Response::Refused("error: no".to_owned()),
        Response::Failed("it broke".to_owned()),
        Response::Warning("look".to_owned()),
        Response::Entered(RolloutName::new("app-9")),
        Response::LeftBehind("d-1".to_owned()),
        Response::Over,
        Response::Driving(vec![RolloutName::new("app-9")]),
    ];
    let requests = chores.iter().cloned().map(Errand::Chore);
    let lines: Vec<_> = requests
        .chain([Errand::Status, Errand::Run(run)])
        .map(|what| line(&request(what)))
        .chain([Interrupt::Stop, Interrupt::Cut].iter().map(line))
        .chain(dones.chain(answers).map(|answer| line(&answer)))
        .collect();
    insta::assert_snapshot!(format!("protocol_{PROTOCOL}"), lines.join("\n"));
}
