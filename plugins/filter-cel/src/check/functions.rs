//! The functions that expressions may call.

use super::Type;

/// One way to call a function. A method's first parameter is its receiver.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) method: bool,
    pub(super) parameters: Vec<Type>,
    pub(super) result: Type,
}

/// Every signature of the environment, macros left out: the parser has
/// replaced those.
pub(super) fn signatures() -> Vec<Signature> {
    use Type::{Any, Bool, Bytes, Double, Duration, Int, Kind, Map, Semver, Text, Timestamp, Uint};
    let mut all = Vec::new();
    let mut add = |method, names: &[&'static str], parameters: &[Type], result: Type| {
        all.extend(names.iter().map(|name| Signature {
            name,
            method,
            parameters: parameters.to_vec(),
            result: result.clone(),
        }));
    };
    let list = || Type::List(Box::new(Any));

    add(false, &["semver"], &[Text], Semver);
    add(false, &["semver"], &[Text, Bool], Semver);
    add(false, &["isSemver"], &[Text], Bool);
    add(false, &["isSemver"], &[Text, Bool], Bool);
    add(
        true,
        &["isLessThan", "isGreaterThan"],
        &[Semver, Semver],
        Bool,
    );
    add(true, &["compareTo"], &[Semver, Semver], Int);
    add(true, &["major", "minor", "patch"], &[Semver], Int);

    add(
        true,
        &["contains", "startsWith", "endsWith", "matches"],
        &[Text, Text],
        Bool,
    );
    add(false, &["matches"], &[Text, Text], Bool);
    for sized in [Text, Bytes, list(), Map] {
        add(true, &["size"], std::slice::from_ref(&sized), Int);
        add(false, &["size"], &[sized], Int);
    }

    for convertible in [Bool, Text] {
        add(false, &["bool"], &[convertible], Bool);
    }
    for convertible in [Bytes, Text] {
        add(false, &["bytes"], &[convertible], Bytes);
    }
    for number in [Int, Uint, Double, Text] {
        add(false, &["double"], std::slice::from_ref(&number), Double);
        add(false, &["uint"], std::slice::from_ref(&number), Uint);
        add(false, &["int"], std::slice::from_ref(&number), Int);
        add(false, &["string"], &[number], Text);
    }
    for printable in [Bool, Bytes, Timestamp, Duration] {
        add(false, &["string"], &[printable], Text);
    }
    add(false, &["int"], &[Timestamp], Int);
    add(false, &["dyn"], &[Any], Any);
    add(false, &["type"], &[Any], Kind);

    for convertible in [Text, Timestamp, Int] {
        add(false, &["timestamp"], &[convertible], Timestamp);
    }
    for convertible in [Text, Duration] {
        add(false, &["duration"], &[convertible], Duration);
    }
    let of_day = ["getHours", "getMinutes", "getSeconds", "getMilliseconds"];
    let of_year = [
        "getFullYear",
        "getMonth",
        "getDayOfYear",
        "getDayOfMonth",
        "getDate",
        "getDayOfWeek",
    ];
    add(true, &of_day, &[Duration], Int);
    for names in [of_day.as_slice(), of_year.as_slice()] {
        add(true, names, &[Timestamp], Int);
        add(true, names, &[Timestamp, Text], Int);
    }
    all
}
