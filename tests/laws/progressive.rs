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

#[path = "../../plugins/policy-progressive/tests/progressive/fallen.rs"]
mod fallen;
#[path = "../../plugins/policy-progressive/tests/progressive/fleet.rs"]
mod fleet;
#[path = "../../plugins/policy-progressive/tests/progressive/laws.rs"]
pub(crate) mod laws;
