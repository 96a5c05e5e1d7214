//! What the WIT contract generates: the only `bindgen!` of the engine.
//!
//! One host world includes all three plugin worlds, so that their shared types are
//! one set of Rust types. No component is ever instantiated as that world: each kind
//! is reached through the `GuestIndices` of the interface it exports.

mod generated {
    wasmtime::component::bindgen!({
        inline: "
            package windlass:host;

            world host {
                include windlass:plugin/device-filter@0.1.0;
                include windlass:plugin/rollout-policy@0.1.0;
                include windlass:plugin/delivery@0.1.0;
            }
        ",
        path: "../../wit",
        world: "windlass:host/host",
        imports: {
            "windlass:plugin/exchange.send": async | trappable,
            default: trappable,
        },
        exports: { default: async },
        require_store_data_send: true,
        with: {
            "wasi:io": wasmtime_wasi::p2::bindings::io,
            "wasi:clocks": wasmtime_wasi::p2::bindings::clocks,
            "wasi:http/types": wasmtime_wasi_http::p2::bindings::http::types,
            "wasi:http/outgoing-handler": wasmtime_wasi_http::p2::bindings::http::outgoing_handler,
            "windlass:plugin/payload.payload": crate::capability::PayloadHandle,
        },
    });
}

pub(crate) use generated::exports::windlass::plugin::{filter, policy, protocol};
pub(crate) use generated::windlass::plugin::{exchange, job, payload, types};
