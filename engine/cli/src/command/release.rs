//! Condemned releases.

use anyhow::Context as _;
use serde_json::json;
use windlass_store::Store;

use super::{Failure, chore};
use crate::{
    args::{Output, ReleaseForgiveArgs, ReleaseListArgs},
    console,
    control::Chore,
    diagnostic::clean,
    exit::Exit,
    render::time,
    setup,
};

pub(super) fn list(args: &ReleaseListArgs) -> Result<Exit, Failure> {
    let store = Store::open_read_only(&setup::state_file(&args.state)?)
        .map_err(|error| setup::open_diagnostic(&error))?;
    let condemned = store
        .condemned()
        .context("the releases could not be read")?;
    if condemned.is_empty() && args.output == Output::Human {
        console::show_line("no release is condemned")?;
    }
    for (stored, why) in &condemned {
        let release = &stored.release;
        match args.output {
            Output::Human => console::show_line(&format!(
                "{} {}: condemned since {}: {}",
                release.name,
                release.version,
                time(why.at),
                clean(&why.reason),
            ))?,
            Output::Json => console::show_line(
                &json!({
                    "name": release.name,
                    "version": release.version,
                    "sha256": release.sha256.to_string(),
                    "at": time(why.at),
                    "reason": why.reason,
                })
                .to_string(),
            )?,
        }
    }
    Ok(Exit::Success)
}

pub(super) async fn forgive(args: ReleaseForgiveArgs) -> Result<Exit, Failure> {
    let chore = Chore::Forgive {
        release: args.name,
        version: args.version,
    };
    chore::report(&setup::subject(&args.state)?.file, &args.who, chore).await
}
