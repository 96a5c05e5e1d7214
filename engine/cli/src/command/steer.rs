//! Orders to a rollout.

use windlass_model::{InFlight, Steering};
use windlass_runtime::clock::{Clock as _, SystemClock};

use super::{Failure, chore};
use crate::{
    args::{
        AbortArgs, AdvanceArgs, ApproveArgs, DeviceOrderArgs, OrderArgs, RetryArgs, RollbackArgs,
    },
    control::Chore,
    exit::Exit,
    setup,
};

pub(super) async fn order(args: OrderArgs, order: Steering) -> Result<Exit, Failure> {
    let subject = setup::subject(&(&args.state).into())?;
    let rollout = args.rollout.or(subject.rollout);
    let chore = Chore::Steer { rollout, order };
    chore::report(&subject.file, &args.who, chore).await
}

pub(super) async fn abort(args: AbortArgs) -> Result<Exit, Failure> {
    let in_flight = in_flight(args.cancel_in_flight);
    order(args.order, Steering::Abort { in_flight }).await
}

pub(super) async fn roll_back(args: RollbackArgs) -> Result<Exit, Failure> {
    let in_flight = in_flight(args.cancel_in_flight);
    order(args.order, Steering::RollBack { in_flight }).await
}

pub(super) async fn approve(args: ApproveArgs) -> Result<Exit, Failure> {
    let now = SystemClock::new().now().wall;
    let approval = Steering::Approve {
        gate: args.gate,
        expires: args.expires_in.map(|moment| moment.from(now)),
    };
    order(args.order, approval).await
}

pub(super) async fn advance(args: AdvanceArgs) -> Result<Exit, Failure> {
    order(args.order, Steering::Advance { full: args.full }).await
}

pub(super) async fn exclude(args: DeviceOrderArgs) -> Result<Exit, Failure> {
    let device = args.device;
    order(args.order, Steering::Exclude { device }).await
}

pub(super) async fn retry(args: RetryArgs) -> Result<Exit, Failure> {
    let device = args.device;
    order(args.order, Steering::Retry { device }).await
}

fn in_flight(cancel: bool) -> InFlight {
    if cancel {
        InFlight::Cancel
    } else {
        InFlight::Finish
    }
}
