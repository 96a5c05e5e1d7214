//! The embedded bytes are components, found by name.

use windlass_builtin::{ALL, builtin};

/// The preamble of a component, as against a core module.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

#[test]
fn every_builtin_is_a_component_found_by_its_name() {
    assert_eq!(ALL.len(), 5);
    assert!(ALL.is_sorted_by(|one, next| one.name < next.name));
    for each in ALL {
        assert!(each.bytes.starts_with(COMPONENT), "{}", each.name);
        assert_eq!(builtin(each.name), Some(each.bytes));
    }
    assert_eq!(builtin("delivery-pigeon"), None);
}

#[test]
fn no_path_of_the_building_machine_is_in_a_component() {
    let here = env!("CARGO_MANIFEST_DIR");
    for each in ALL {
        let found = each
            .bytes
            .windows(here.len())
            .any(|window| window == here.as_bytes());
        assert!(!found, "{}", each.name);
    }
}
