//! What is wrong with an expression, and where.

use crate::fleet::open;
use windlass_sdk::Place;

/// The text that the first problem points at, its message and its hint.
fn refused(expression: &str) -> (String, String, String) {
    let problems = open(expression)
        .err()
        .unwrap_or_else(|| panic!("{expression} is taken"));
    let problem = &problems[0];
    let Place::Expression((start, end)) = problem.place else {
        panic!("{problem:?} has no place")
    };
    let spot = &expression[start as usize..end as usize];
    (
        spot.to_owned(),
        problem.message.clone(),
        problem.hint.clone().unwrap_or_default(),
    )
}

#[test]
fn a_problem_points_at_the_exact_place() {
    let cases = [
        (
            "",
            "",
            "the expression is empty",
            "`true` means every device",
        ),
        ("device.kind ==", "", "the expression ends too early", ""),
        (
            "device.kind = 'pos'",
            "=",
            "unexpected `=`",
            "equality is `==`",
        ),
        (
            "device.kind == 'pos' and true",
            "and",
            "unexpected `and`",
            "write `&&`",
        ),
        ("(device.kind == 'pos'", "", "missing `)`", ""),
        (
            "device.kind == 'pos",
            "'pos",
            "unexpected `'pos`",
            "the text has no closing quote",
        ),
        (
            "'ä' == device.kind && device.kind # 1",
            "#",
            "unexpected `#`",
            "",
        ),
        (
            "device.verson == 'x'",
            "verson",
            "a device has no field `verson`",
            "did you mean `device.version`? An attribute is `device.attributes.verson`",
        ),
        (
            "has(device.region)",
            "region",
            "a device has no field `region`",
            "an attribute is `device.attributes.region`",
        ),
        (
            "devise.kind == 'x'",
            "devise",
            "unknown variable `devise`",
            "did you mean `device`?",
        ),
        (
            "kind == 'x'",
            "kind",
            "unknown variable `kind`",
            "a field is `device.kind`",
        ),
        (
            "true && semvr('1.0.0').major() == 1",
            "semvr",
            "unknown function `semvr`",
            "did you mean `semver`?",
        ),
        (
            "device.version.semver().major() == 1",
            "semver",
            "`semver` is not called on a value",
            "write semver(string)",
        ),
        (
            "semver(device.version).isLessThan('2.0.0')",
            "semver(device.version).isLessThan('2.0.0')",
            "`semver.isLessThan(string)` does not fit",
            "it is semver.isLessThan(semver)",
        ),
        (
            "semver(device.version).isLessThan(semver('2.x'))",
            "semver('2.x')",
            "`2.x` is no semantic version: unexpected character 'x' while parsing minor version number",
            "",
        ),
        (
            "device.version < '2.0.0'",
            "device.version < '2.0.0'",
            "`<` compares text, and as text 10.0.0 comes before 9.0.0",
            "write `semver(device.version) < semver('2.0.0')`",
        ),
        (
            "device.kind == 5",
            "device.kind == 5",
            "a string never equals a int",
            "",
        ),
        (
            "device.kind == null",
            "device.kind == null",
            "`device.kind` is never null: what a device lacks is absent",
            "write `has(device.kind)` or `!has(device.kind)`",
        ),
        (
            "'x' in device.kind",
            "'x' in device.kind",
            "`in` looks into lists and maps, and `device.kind` is a string",
            "a part of text is found by `device.kind.contains(…)`",
        ),
        (
            "device.name",
            "device.name",
            "the expression is a string, and a bool is wanted",
            "",
        ),
        (
            "true && device.name",
            "device.name",
            "`device.name` is a string, and a bool is wanted",
            "",
        ),
        (
            "device == 'x'",
            "device",
            "`device` is no value of its own",
            "name one of its fields, such as `device.kind`",
        ),
        (
            "device['kind'] == 'pos'",
            "device['kind']",
            "the fields of a device are selected by name",
            "write `device.kind`",
        ),
        (
            "device.attributes.exists(a, a == 'x')",
            "device.attributes",
            "the members of a map have no order to go through",
            "test one by name: `\"region\" in device.attributes`",
        ),
        (
            "device.id.matches('(')",
            "'('",
            "this is no regular expression: found open group without closing ')'",
            "",
        ),
        (
            "device.id.matches(device.name)",
            "device.name",
            "a pattern is written out as a string literal",
            "",
        ),
        (
            "now > duration('x')",
            "now > duration('x')",
            "there is no order between timestamp and duration",
            "",
        ),
        ("1 / 0 == 1", "1 / 0 == 1", "Division by zero of Int(1)", ""),
    ];
    let wrong: Vec<_> = cases
        .into_iter()
        .filter_map(|(expression, spot, message, hint)| {
            let found = refused(expression);
            (found != (spot.to_owned(), message.to_owned(), hint.to_owned()))
                .then_some((expression, found))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_problem_is_found_at_once() {
    let problems = open("device.verson == 'x' || devise.kind == 'y' || foo(1)")
        .err()
        .expect("three faults");
    assert_eq!(problems.len(), 3, "{problems:?}");
}

/// Each would otherwise overflow the guest's stack or take time without end.
#[test]
fn an_expression_that_is_too_deep_is_refused_and_a_long_one_is_not() {
    let deep = [
        format!("{}1 == 1", "1 + ".repeat(3000)),
        format!("device.attributes.a{} == 1", ".b".repeat(3000)),
        format!("{}true{}", "(".repeat(500), ")".repeat(500)),
        format!("{}1{} == []", "[".repeat(60), "]".repeat(60)),
        format!("{}true", "true ? true : ".repeat(90)),
        format!("[1]{} == 1", "[0]".repeat(3000)),
    ];
    for expression in deep {
        let problems = open(&expression).err().expect("it is refused");
        assert!(
            problems[0].message.contains("too deeply")
                || problems[0].message.contains("no elements"),
            "{problems:?}"
        );
    }
    let ids: Vec<String> = (0..2000).map(|n| format!("'device-{n}'")).collect();
    for expression in [
        format!("device.id in [{}]", ids.join(", ")),
        ids[..200]
            .iter()
            .map(|id| format!("device.id == {id}"))
            .collect::<Vec<_>>()
            .join(" || "),
        format!("device.attributes.a{} == 1", ".b".repeat(80)),
    ] {
        assert!(open(&expression).is_ok(), "{}", &expression[..40]);
    }
}
