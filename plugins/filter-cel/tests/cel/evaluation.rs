//! What expressions say about devices.

use windlass_sdk::{Device, Filter, Refusal};

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

/// What a filter says of a device that it leaves out: each part, and what is said of it.
fn told(expression: &str, device: Device) -> Vec<(String, String)> {
    let filter = open(expression).unwrap_or_else(|problems| panic!("{expression}: {problems:?}"));
    let named = |refusal: Refusal| {
        let (start, end) = refusal.part.expect("this filter names parts");
        (
            expression[start as usize..end as usize].to_owned(),
            refusal.text,
        )
    };
    filter.explain(NOW, device).into_iter().map(named).collect()
}

/// Issue 4: the part of the expression that said no, however it is nested.
#[test]
fn an_explanation_names_the_smallest_parts_that_decide() {
    let all_others = "device.location == 'hall-b' && device.status == 'online'";
    let ids: Vec<_> = (0..20).map(|id| format!("device.id == 'x{id}'")).collect();
    let ids = ids.join(" || ");
    let cases: [(&str, &[(&str, &str)]); 13] = [
        ("device.kind == 'pos'", &[]),
        (
            "device.kind == 'kiosk'",
            &[("device.kind == 'kiosk'", "is false (kind is \"pos\")")],
        ),
        (
            "device.kind == 'pos' && (semver(device.version).isLessThan(semver('2.0.0')) || !has(device.kind))",
            &[
                (
                    "semver(device.version).isLessThan(semver('2.0.0'))",
                    "is false (version is \"2.1.0\")",
                ),
                ("!has(device.kind)", "is false (kind is \"pos\")"),
            ],
        ),
        // Every part that must change, and none that need not.
        (
            "(device.kind == 'kiosk' && device.location == 'hall-b') && device.status == 'offline'",
            &[
                ("device.kind == 'kiosk'", "is false (kind is \"pos\")"),
                ("device.status == 'offline'", "is false (status is online)"),
            ],
        ),
        (
            "device.kind == 'kiosk' || (device.location == 'hall-b' && device.status == 'offline')",
            &[
                ("device.kind == 'kiosk'", "is false (kind is \"pos\")"),
                ("device.status == 'offline'", "is false (status is online)"),
            ],
        ),
        // What is negated must be false.
        (
            "!(device.kind == 'pos' || device.status == 'offline')",
            &[("device.kind == 'pos'", "is true (kind is \"pos\")")],
        ),
        (
            "!(device.kind == 'pos' && !(device.status == 'offline'))",
            &[
                ("device.kind == 'pos'", "is true (kind is \"pos\")"),
                (
                    "!(device.status == 'offline')",
                    "is true (status is online)",
                ),
            ],
        ),
        (
            "device.kind == 'pos' ? device.location == 'hall-a' : device.status == 'offline'",
            &[(
                "device.location == 'hall-a'",
                "is false (location is \"hall-b\")",
            )],
        ),
        (
            "device.attributes.shoe == 'x'",
            &[(
                "device.attributes.shoe == 'x'",
                "cannot be told: the device has no `shoe`",
            )],
        ),
        (
            "(device.attributes.shoe == 'x' || device.kind == 'kiosk') && device.status == 'online'",
            &[
                (
                    "device.attributes.shoe == 'x'",
                    "cannot be told: the device has no `shoe`",
                ),
                ("device.kind == 'kiosk'", "is false (kind is \"pos\")"),
            ],
        ),
        ("1 == 2 && device.kind == 'pos'", &[("1 == 2", "is false")]),
        // A macro, and a list that is too long to be told one by one, are named whole.
        (
            "device.tags.exists(tag, tag == 'old' || tag == 'slow')",
            &[(
                "device.tags.exists(tag, tag == 'old' || tag == 'slow')",
                "is false (tags is [\"beta\", \"indoor\"])",
            )],
        ),
        (&ids, &[(&ids, "is false (id is \"till-17\")")]),
    ];
    for (expression, expected) in cases {
        let said = told(expression, till());
        let said: Vec<_> = said.iter().map(|(part, text)| (&**part, &**text)).collect();
        assert_eq!(said, expected, "{expression}");
        // What is true beside it changes nothing.
        let more = format!("{all_others} && ({expression})");
        let beside = told(&more, till());
        let beside: Vec<_> = beside
            .iter()
            .map(|(part, text)| (&**part, &**text))
            .collect();
        assert_eq!(beside, expected, "{more}");
    }
    let mut odd = till();
    odd.version = Some("banana".into());
    let told = told("semver(device.version).isLessThan(semver('2.2.0'))", odd);
    assert!(
        told[0].1.contains("`banana` is no semantic version"),
        "{told:?}"
    );
}
