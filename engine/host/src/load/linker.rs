use wasmtime::{
    Engine,
    component::{HasSelf, Linker},
};

use crate::{
    Kind,
    bindings::{exchange, job, payload, types},
    guest::State,
};

/// What instances are linked against, per kind. Filters and policies get the same WASI as
/// deliveries, but served with constants, and not a function more.
pub(crate) struct Linkers {
    pure: Linker<State>,
    delivery: Linker<State>,
}

impl Linkers {
    pub(crate) fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut pure = Linker::new(engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut pure)?;
        types::add_to_linker::<_, HasSelf<State>>(&mut pure, |state| state)?;
        let mut delivery = pure.clone();
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut delivery)?;
        payload::add_to_linker::<_, HasSelf<State>>(&mut delivery, |state| state)?;
        exchange::add_to_linker::<_, HasSelf<State>>(&mut delivery, |state| state)?;
        job::add_to_linker::<_, HasSelf<State>>(&mut delivery, |state| state)?;
        Ok(Self { pure, delivery })
    }

    pub(crate) fn of(&self, kind: Kind) -> &Linker<State> {
        match kind {
            Kind::Filter | Kind::Policy => &self.pure,
            Kind::Delivery => &self.delivery,
        }
    }
}
