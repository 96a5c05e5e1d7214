//! The export macro.

/// Makes a component of a type that implements [`Filter`](crate::Filter),
/// [`Policy`](crate::Policy) or [`Delivery`](crate::Delivery):
///
/// ```
/// # use windlass_sdk::{prelude::*, settings::NoSettings};
/// struct Everything;
///
/// impl Filter for Everything {
///     type Settings = NoSettings;
///     const TAKES_EXPRESSION: bool = false;
///
///     fn open(_: Option<&str>, _: NoSettings) -> Result<Self, Vec<Problem>> {
///         Ok(Self)
///     }
///
///     fn matches(&self, _: Timestamp, _: Device) -> Result<bool, String> {
///         Ok(true)
///     }
/// }
///
/// windlass_sdk::export!(filter: Everything);
/// ```
///
/// Once in a crate of type `cdylib`. The component's entry points exist only where
/// the target is WebAssembly: their names cannot be linked elsewhere, and without
/// them the same crate is tested natively.
#[macro_export]
macro_rules! export {
    (filter: $plugin:ty) => {
        $crate::export!(@emit FilterComponent, $plugin, filter, export_filter);
    };
    (policy: $plugin:ty) => {
        $crate::export!(@emit PolicyComponent, $plugin, policy, export_policy);
    };
    (delivery: $plugin:ty) => {
        $crate::export!(@emit DeliveryComponent, $plugin, delivery, export_delivery);
    };
    (@emit $component:ident, $plugin:ty, $world:ident, $export:ident) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type Component = $crate::component::$component<$plugin>;
            $crate::bindings::$world::$export!(
                Component with_types_in $crate::bindings::$world
            );
        };
    };
}
