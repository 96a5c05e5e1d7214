//! What `plugins/policy-progressive` promises, of its component.

use crate::{
    cases,
    compiled::{Builtin, Compiled},
};

pub(crate) enum Component {}

impl Builtin for Component {
    const NAME: &'static str = "policy-progressive";
}

type Progressive = Compiled<Component>;

#[path = "../../plugins/policy-progressive/tests/progressive/fleet.rs"]
#[expect(dead_code, reason = "only tests of the native policy use the rest")]
mod fleet;
#[path = "../../plugins/policy-progressive/tests/progressive/laws.rs"]
pub(crate) mod laws;
