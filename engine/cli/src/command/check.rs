use super::Failure;
use crate::{
    args::CheckArgs,
    console,
    exit::Exit,
    render::{bytes, count, shadow_line},
    setup::{self, Prepared},
};

pub(super) async fn check(args: CheckArgs) -> Result<Exit, Failure> {
    let prepared = setup::prepare(&args.config, &args.overrides, &setup::Quiet).await?;
    setup::state_is_free(&prepared.config)?;
    let Prepared {
        config,
        warnings,
        parts,
        ..
    } = &prepared;
    for warning in warnings.iter() {
        warning.emit();
    }
    console::show_line(&format!(
        "{}: the configuration is right: {} {}, {} payload with SHA-256 {}, {}, {}",
        args.config.display(),
        parts.release.name,
        parts.release.version,
        bytes(parts.release.size),
        parts.release.sha256,
        parts
            .fleet
            .map_or("the devices of the state file".into(), |fleet| count(
                fleet.devices,
                "device"
            )),
        count(config.plugins.len() as u64, "plugin"),
    ))?;
    for (signal, policies) in setup::policies_of(parts.policies.iter().chain(&parts.shadows)) {
        let policies: Vec<_> = policies.iter().map(|name| format!("`{name}`")).collect();
        console::show_line(&format!(
            "signal {signal}: asked for by {}; `windlass signals {}` polls it",
            policies.join(", "),
            args.config.display()
        ))?;
    }
    for shadow in &parts.shadows {
        console::show_line(&shadow_line(&shadow.pin.name))?;
    }
    Ok(Exit::Success)
}
