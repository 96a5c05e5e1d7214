//! What `plugins/policy-window` promises, of its component.

use crate::{
    cases,
    compiled::{Builtin, Compiled},
};

pub(crate) enum Component {}

impl Builtin for Component {
    const NAME: &'static str = "policy-window";
}

type Windows = Compiled<Component>;

#[path = "../../plugins/policy-window/tests/window/fleet.rs"]
#[expect(dead_code, reason = "only tests of the native policy use the rest")]
mod fleet;
#[path = "../../plugins/policy-window/tests/window/laws.rs"]
mod laws;
