//! What `wit-bindgen` makes of `wit/`: one module a world, over one set of
//! shared types. Private to the SDK but for the types it re-exports.
#![allow(
    missing_docs,
    unsafe_code,
    unreachable_pub,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]

pub mod filter {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "device-filter",
        runtime_path: "::windlass_sdk::bindings::rt",
        pub_export_macro: true,
        export_macro_name: "export_filter",
        generate_unused_types: true,
        additional_derives: [PartialEq],
    });
}

pub mod policy {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "rollout-policy",
        runtime_path: "::windlass_sdk::bindings::rt",
        pub_export_macro: true,
        export_macro_name: "export_policy",
        additional_derives: [PartialEq],
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::filter::windlass::plugin::types,
        },
    });
}

pub mod delivery {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "delivery",
        runtime_path: "::windlass_sdk::bindings::rt",
        pub_export_macro: true,
        export_macro_name: "export_delivery",
        additional_derives: [PartialEq],
        // They hold handles, and handles do not compare.
        additional_derives_ignore: ["stream-error", "answer", "content"],
        generate_all,
        with: {
            "windlass:plugin/types@0.1.0": crate::bindings::filter::windlass::plugin::types,
        },
    });
}

pub use wit_bindgen::rt;
