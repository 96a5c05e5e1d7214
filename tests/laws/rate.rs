//! What `plugins/policy-rate` promises, of its component.

use crate::{
    cases,
    compiled::{Builtin, Compiled},
};

pub(crate) enum Component {}

impl Builtin for Component {
    const NAME: &'static str = "policy-rate";
}

type Rate = Compiled<Component>;

#[path = "../../plugins/policy-rate/tests/rate/fallen.rs"]
mod fallen;
#[path = "../../plugins/policy-rate/tests/rate/fleet.rs"]
#[expect(dead_code, reason = "only tests of the native policy use the rest")]
mod fleet;
#[path = "../../plugins/policy-rate/tests/rate/laws.rs"]
pub(crate) mod laws;
