//! Other policies for a rollout under way.

use anyhow::Context as _;

use super::{Failure, chore};
use crate::{
    args::{StateOption, SwapPolicyArgs},
    control::{Chore, SwapErrand},
    exit::Exit,
    setup,
};

pub(super) async fn swap(args: SwapPolicyArgs) -> Result<Exit, Failure> {
    let subject = setup::subject(&StateOption {
        config: Some(args.config.clone()),
        state: args.state,
    })?;
    let chore = Chore::SwapPolicies(SwapErrand {
        config: args.config,
        directory: std::env::current_dir().context("the current directory cannot be told")?,
        rollout: args.rollout,
        restart_memo: args.restart_memo,
        dry_run: args.dry_run,
    });
    chore::report(&subject.file, &args.who, chore).await
}
