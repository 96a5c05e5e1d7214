//! Holds, pins, and the end of a device.

use clap::Args;
use windlass_model::{DeviceId, GroupField, HoldSubject};

use super::{
    Output, StateArgs,
    steering::{Moment, StateOption, WhoArgs, device_id, moment},
};
use crate::config::parse_field;

/// Keep a device, or all of a group such as a site, out of every rollout.
///
/// A subject has one hold at most: a further one takes its place.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass devices hold till-17 --until 7d --reason 'in repair' --config rollout.toml\n  windlass devices hold --where location=berlin --until 2030-01-31T02:00:00+01:00 --config rollout.toml"
)]
pub struct HoldArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub subject: SubjectArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub lasting: Lasting,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// Keep a device, or all of a group, on a version: only rollouts to that version reach it.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  windlass devices pin till-17 --version 2.2.0 --until 30d --config rollout.toml"
)]
pub struct PinArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub subject: SubjectArgs,
    /// The version.
    #[arg(long = "version", value_name = "VERSION")]
    pub pinned: String,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub lasting: Lasting,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// Take a hold or pin away.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  windlass devices release till-17 --config rollout.toml\n  windlass devices release --where location=berlin --config rollout.toml"
)]
pub struct UnholdArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub subject: SubjectArgs,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// List the holds and pins in force.
#[derive(Debug, Args)]
pub struct HoldsArgs {
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateArgs,
    /// How to report.
    #[arg(long, value_enum, default_value_t, value_name = "FORM")]
    pub output: Output,
}

/// Take a device out of the fleet: no rollout touches it any more.
///
/// What is known of it is kept. It stays out whatever a fleet file lists, until `--undo`.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Example:\n  windlass devices decommission till-17 --config rollout.toml"
)]
pub struct DecommissionArgs {
    /// The device.
    #[arg(value_parser = device_id)]
    pub device: DeviceId,
    /// Take it back into the fleet.
    #[arg(long)]
    pub undo: bool,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub state: StateOption,
    #[command(flatten)]
    #[expect(missing_docs, reason = "flattened")]
    pub who: WhoArgs,
}

/// How long a hold is in force.
#[derive(Debug, Args)]
pub struct Lasting {
    /// When it lapses by itself: an RFC 3339 time, or a duration from now; without it, never.
    #[arg(long, value_parser = moment, value_name = "DURATION|TIME")]
    pub until: Option<Moment>,
}

/// A device, or all of a group.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct SubjectArgs {
    /// The device.
    #[arg(value_parser = device_id)]
    pub device: Option<DeviceId>,
    /// All devices with this value of `location`, `kind` or `attributes.NAME`.
    #[arg(long = "where", value_parser = group, value_name = "FIELD=VALUE")]
    pub group: Option<(GroupField, String)>,
}

impl SubjectArgs {
    /// What is meant; clap sees to it that there is one.
    pub fn subject(&self) -> Option<HoldSubject> {
        match (&self.device, &self.group) {
            (Some(device), _) => Some(HoldSubject::Device(device.clone())),
            (None, Some((field, value))) => Some(HoldSubject::Group {
                field: field.clone(),
                value: value.clone(),
            }),
            (None, None) => None,
        }
    }
}

fn group(text: &str) -> Result<(GroupField, String), String> {
    let (field, value) = text
        .split_once('=')
        .ok_or("expected FIELD=VALUE, such as `location=berlin`")?;
    match value {
        "" => Err("the value is empty".to_owned()),
        _ => Ok((parse_field(field)?, value.to_owned())),
    }
}
