//! Architecture invariant: the core has no I/O (issue 2, "without an async runtime in its
//! dependency tree").

use std::process::Command;

#[test]
fn no_async_runtime_is_among_the_dependencies() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-p", "windlass-core"])
        .args(["-e", "normal,dev", "--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let tree = String::from_utf8(output.stdout).expect("names are text");
    let names: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(names.contains(&"windlass-model"), "{tree}");
    let banned = [
        "tokio",
        "async-std",
        "smol",
        "async-io",
        "async-executor",
        "futures",
        "futures-util",
        "futures-core",
        "futures-executor",
        "mio",
        "polling",
    ];
    for name in names {
        assert!(!banned.contains(&name), "{name} in\n{tree}");
    }
}
