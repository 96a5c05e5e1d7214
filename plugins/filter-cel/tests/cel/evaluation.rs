//! What expressions say about devices.

use windlass_sdk::Filter;

use crate::fleet::{NOW, matches, open, stranger, till};

#[test]
fn fields_attributes_tags_and_times_are_compared() {
    for expression in [
        "true",
        "device.id == 'till-17'",
        "device.name.startsWith('Till')",
        "device.address.contains('10.0.0')",
        "device.kind == 'pos' && device.status == 'online'",
        "device.location in ['hall-a', 'hall-b']",
        "'beta' in device.tags",
        "device.tags.exists(t, t.startsWith('in'))",
        "device.tags.size() == 2",
        "device.attributes.region == 'northeast'",
        "device.attributes['region'] == \"northeast\"",
        "device.attributes.ram >= 512 && device.attributes.ram * 2 == 1024",
        "device.attributes.zoom > 1",
        "device.attributes.pilot",
        "device.attributes.model.line == 'X' && device.attributes.model.ports[1] == 2",
        "2 in device.attributes.model.ports",
        "'region' in device.attributes && !('shoe' in device.attributes)",
        "has(device.attributes.region) && !has(device.attributes.shoe)",
        "device.attributes.size() == 5",
        "device.last_seen < now && now - device.last_seen == duration('2h')",
        "device.last_seen > timestamp('2025-12-31T00:00:00Z')",
        "device.last_seen.getFullYear() == 2025",
        "device.timezone == 'Europe/Berlin'",
        "device.id.matches('^till-[0-9]+$') && matches(device.id, '17')",
        "device.kind == 'pos' ? device.attributes.pilot : false",
        "int(device.id.size()) == 7 && string(7) == '7'",
    ] {
        assert!(matches(expression, till()), "{expression}");
    }
}

#[test]
fn versions_compare_as_in_kubernetes_semver_library() {
    for expression in [
        "semver(device.version).isLessThan(semver('2.2.0'))",
        "semver(device.version).isGreaterThan(semver('2.1.0-rc.1'))",
        "semver(device.version).compareTo(semver('2.1.0+build.7')) == 0",
        "semver(device.version) == semver('2.1.0+other')",
        "semver('10.0.0').compareTo(semver('9.0.0')) == 1 && semver('1.0.0').compareTo(semver('2.0.0')) == -1",
        "semver(device.version) < semver('2.10.0')",
        "semver(device.version).major() == 2 && semver('1.2.3').minor() == 2 && semver('1.2.3').patch() == 3",
        "isSemver(device.version) && !isSemver('v1.0') && isSemver('v1.0', true) && !isSemver('v1.0', false)",
        "semver('v1.0', true) == semver('1.0.0') && semver('1', true) == semver('1.0.0')",
        "semver('01.01.01', true) == semver('1.1.1') && !isSemver('01.01.01')",
        "!isSemver('1.0-rc', true)",
    ] {
        assert!(matches(expression, till()), "{expression}");
    }
}

/// Design §7.10, and the contract of `matches`.
#[test]
fn a_comparison_that_the_data_does_not_allow_never_matches() {
    let mut odd = till();
    odd.version = Some("banana".into());
    for expression in [
        "semver(device.version).isLessThan(semver('2.2.0'))",
        "!semver(device.version).isLessThan(semver('2.2.0'))",
        "semver(device.version) == semver('2.2.0')",
        "semver(device.version) != semver('2.2.0')",
        "device.attributes.shoe == 'x'",
        "device.attributes.shoe != 'x'",
        "device.attributes.region > 5",
        "device.attributes.region",
        "device.attributes.ram / 0 == 1",
        "device.attributes.region == 'northeast' && device.attributes.shoe != 'x'",
    ] {
        assert!(!matches(expression, odd.clone()), "{expression}");
    }
    for expression in [
        "device.kind == 'pos'",
        "device.kind != 'pos'",
        "device.last_seen < now",
        "device.version == ''",
    ] {
        assert!(!matches(expression, stranger()), "{expression}");
    }
}

#[test]
fn what_is_missing_can_be_asked_for() {
    for expression in [
        "!has(device.kind) || device.kind == 'pos'",
        "!has(device.version) && !has(device.last_seen) && !has(device.location)",
        "device.kind == 'pos' || device.status == 'unknown'",
        "device.name == '' && device.tags.size() == 0",
    ] {
        assert!(matches(expression, stranger()), "{expression}");
    }
}

#[test]
fn an_explanation_quotes_the_part_that_said_no_and_what_the_device_has() {
    let explain = |expression: &str, device| {
        open(expression)
            .expect("the expression is sound")
            .explain(NOW, device)
    };
    let newer = "device.kind == 'pos' && (semver(device.version).isLessThan(semver('2.0.0')) || !has(device.kind))";
    assert_eq!(
        explain(newer, till()).as_deref(),
        Some(
            "`semver(device.version).isLessThan(semver('2.0.0'))` is false (version is \"2.1.0\"), \
             and `!has(device.kind)` is false (kind is \"pos\")"
        )
    );
    assert_eq!(
        explain("device.attributes.shoe == 'x'", till()).as_deref(),
        Some("`device.attributes.shoe == 'x'` cannot be told: the device has no `shoe`")
    );
    let mut odd = till();
    odd.version = Some("banana".into());
    let told = explain("semver(device.version).isLessThan(semver('2.2.0'))", odd)
        .expect("it does not match");
    assert!(told.contains("`banana` is no semantic version"), "{told}");
    assert_eq!(explain("device.kind == 'pos'", till()), None);
}
