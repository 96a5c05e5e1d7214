//! The three kinds of plugins, bound to what was generated for them.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use wasmtime::{
    Store,
    component::{Instance, InstancePre, ResourceAny},
};

use crate::{
    Capabilities, Kind,
    bindings::{filter, policy, protocol, types},
    guest::{Slots, State},
    limits::{ANSWER_BYTES, HOSTCALL_BYTES},
    shared::Shared,
};

/// A kind of plugin, as the bindings see it.
pub(crate) trait Contract: Send + Sync + Sized + 'static {
    /// Which.
    const KIND: Kind;
    /// Bytes that one call may copy from guest to host.
    const CALL_BYTES: usize;
    /// Where its exports are within a component.
    type Indices: Send + Sync + 'static;
    /// Its exports in an instance.
    type Guest: Send + Sync + 'static;

    /// The places that instances may have: first those for short calls, then all others.
    fn slots(shared: &Shared) -> &[Arc<Slots<Self>>];

    /// Finds the exports and checks their names.
    fn indices(pre: &InstancePre<State>) -> wasmtime::Result<Self::Indices>;

    /// Takes the exports from an instance and checks their types.
    fn load(
        indices: &Self::Indices,
        store: &mut Store<State>,
        instance: &Instance,
    ) -> wasmtime::Result<Self::Guest>;

    /// Calls `describe`.
    fn describe(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
    ) -> BoxFuture<'_, wasmtime::Result<Description>>;

    /// Calls `open`.
    fn open(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
        opening: Arc<Opening>,
    ) -> BoxFuture<'_, wasmtime::Result<Result<ResourceAny, Vec<types::Problem>>>>;

    /// Calls `reads` of what was opened.
    fn reads(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
        opened: ResourceAny,
    ) -> BoxFuture<'_, wasmtime::Result<types::Projection>>;
}

/// What a plugin is opened with.
pub(crate) struct Opening {
    pub(crate) expression: Option<String>,
    /// JSON text of an object.
    pub(crate) settings: String,
}

/// What a plugin says of itself.
pub(crate) struct Description {
    pub(crate) settings_schema: String,
    pub(crate) facts: Facts,
}

/// What differs between the kinds.
#[derive(Clone, Debug)]
pub(crate) enum Facts {
    Filter {
        takes_expression: bool,
    },
    Policy,
    Delivery {
        capabilities: Capabilities,
        schemes: Vec<String>,
    },
}

pub(crate) struct FilterContract;
pub(crate) struct PolicyContract;
pub(crate) struct DeliveryContract;

macro_rules! bound_to {
    ($module:ident, $slots:ident, $resource:ident) => {
        type Indices = $module::GuestIndices;
        type Guest = $module::Guest;

        fn slots(shared: &Shared) -> &[Arc<Slots<Self>>] {
            &shared.$slots
        }

        fn indices(pre: &InstancePre<State>) -> wasmtime::Result<Self::Indices> {
            $module::GuestIndices::new(pre)
        }

        fn load(
            indices: &Self::Indices,
            store: &mut Store<State>,
            instance: &Instance,
        ) -> wasmtime::Result<Self::Guest> {
            indices.load(store, instance)
        }

        fn reads(
            store: &mut Store<State>,
            guest: Arc<Self::Guest>,
            opened: ResourceAny,
        ) -> BoxFuture<'_, wasmtime::Result<types::Projection>> {
            Box::pin(async move { guest.$resource().call_reads(store, opened).await })
        }
    };
}

impl Contract for FilterContract {
    const KIND: Kind = Kind::Filter;
    const CALL_BYTES: usize = ANSWER_BYTES;
    bound_to!(filter, filters, compiled_filter);

    fn describe(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
    ) -> BoxFuture<'_, wasmtime::Result<Description>> {
        Box::pin(async move {
            let said = guest.call_describe(store).await?;
            Ok(Description {
                settings_schema: said.settings_schema,
                facts: Facts::Filter {
                    takes_expression: said.takes_expression,
                },
            })
        })
    }

    fn open(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
        opening: Arc<Opening>,
    ) -> BoxFuture<'_, wasmtime::Result<Result<ResourceAny, Vec<types::Problem>>>> {
        Box::pin(async move {
            let Opening {
                expression,
                settings,
            } = opening.as_ref();
            guest
                .compiled_filter()
                .call_open(store, expression.as_deref(), settings)
                .await
        })
    }
}

impl Contract for PolicyContract {
    const KIND: Kind = Kind::Policy;
    const CALL_BYTES: usize = ANSWER_BYTES;
    bound_to!(policy, policies, compiled_policy);

    fn describe(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
    ) -> BoxFuture<'_, wasmtime::Result<Description>> {
        Box::pin(async move {
            let said = guest.call_describe(store).await?;
            Ok(Description {
                settings_schema: said.settings_schema,
                facts: Facts::Policy,
            })
        })
    }

    fn open(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
        opening: Arc<Opening>,
    ) -> BoxFuture<'_, wasmtime::Result<Result<ResourceAny, Vec<types::Problem>>>> {
        Box::pin(async move {
            guest
                .compiled_policy()
                .call_open(store, &opening.settings)
                .await
        })
    }
}

impl Contract for DeliveryContract {
    const KIND: Kind = Kind::Delivery;
    const CALL_BYTES: usize = HOSTCALL_BYTES;
    bound_to!(protocol, deliveries, configured_delivery);

    fn describe(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
    ) -> BoxFuture<'_, wasmtime::Result<Description>> {
        Box::pin(async move {
            let said = guest.call_describe(store).await?;
            Ok(Description {
                settings_schema: said.settings_schema,
                facts: Facts::Delivery {
                    capabilities: said.capabilities.into(),
                    schemes: said.schemes,
                },
            })
        })
    }

    fn open(
        store: &mut Store<State>,
        guest: Arc<Self::Guest>,
        opening: Arc<Opening>,
    ) -> BoxFuture<'_, wasmtime::Result<Result<ResourceAny, Vec<types::Problem>>>> {
        Box::pin(async move {
            guest
                .configured_delivery()
                .call_open(store, &opening.settings)
                .await
        })
    }
}
