//! Whoever reads the output may go away before its end: `windlass decisions | head`.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Command, Stdio},
};

use serde_json::json;

use crate::{
    decisions::{bench, run_to_the_end},
    support::{Bench, Ended, finish},
};

/// As of a process that SIGPIPE ends.
const UNREAD: Option<i32> = Some(141);

/// A command whose standard output nobody reads.
async fn unread(bench: &Bench, args: &[&str]) -> Ended {
    let mut command = bench.command(args);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    command.stdout(writer);
    finish(command).await
}

/// What only tells ends quietly when nobody listens, also what would go on for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_tells_ends_when_nobody_reads() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let told: &[&[&str]] = &[
        &["decisions", "windlass.toml"],
        &["decisions", "windlass.toml", "--output", "json"],
        &["decisions", "windlass.toml", "--follow"],
        &["events", "windlass.toml"],
        &["events", "windlass.toml", "--follow"],
        &["status", "windlass.toml"],
        &["status", "windlass.toml", "--output", "json"],
        &["why", "device-00000", "windlass.toml"],
        &["devices", "list", "windlass.toml"],
        &["dead-letters", "list", "windlass.toml"],
        &["plan", "windlass.toml"],
        &["replay", "windlass.toml"],
        &["shadow", "report", "windlass.toml"],
        &["schema"],
        &["completions", "bash"],
    ];
    for args in told {
        let ended = unread(&bench, args).await;
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (UNREAD, ""),
            "{args:?}"
        );
    }
}

/// The first line is read, and the rest, which is more than a pipe holds, is not waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_ends_where_its_reader_does() {
    let bench = bench();
    let devices: Vec<_> = (0..4_000)
        .map(|number| json!({ "id": format!("till-{number:04}"), "address": "http://10.0.0.1" }))
        .collect();
    bench.write("many.json", &json!(devices).to_string());
    let state = ["--state", "state/windlass.db"];
    let import = [&["devices", "import", "many.json"], &state[..]].concat();
    let imported = bench.windlass(&import).await;
    assert_eq!(imported.code, Some(0), "{imported:#?}");
    let mut command: Command = bench.command(&[&["devices", "list"], &state[..]].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("windlass starts");
        let mut first = String::new();
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe"));
        lines.read_line(&mut first).expect("it writes");
        drop(lines);
        let mut stderr = String::new();
        let mut errors = child.stderr.take().expect("a pipe");
        errors.read_to_string(&mut stderr).expect("it ends");
        let code = child.wait().expect("it ends").code();
        (code, first, stderr)
    });
    let (code, first, stderr) = ended.await.expect("waiting does not panic");
    assert!(first.starts_with("till-0000"), "{first}");
    assert_eq!((code, stderr.as_str()), (UNREAD, ""));
}

/// A rollout is not ended, and an order is not undone, because nobody reads what they say.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_something_does_it_though_nobody_reads() {
    let bench = bench();
    bench.configure(&crate::support::Config::default());
    let ended = unread(&bench, &["run", "windlass.toml", "--output", "json"]).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let state = ["--state", "state/windlass.db"];
    let hold = [&["devices", "hold", "device-00000"], &state[..]].concat();
    let ended = unread(&bench, &hold).await;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:#?}"
    );
    let holds = [&["devices", "holds"], &state[..]].concat();
    let holds = bench.windlass(&holds).await;
    assert!(holds.stdout.contains("device-00000"), "{holds:#?}");
    assert_eq!(
        bench.fleet.stop().await.exactly_once(bench.payload),
        [],
        "every device was updated"
    );
}
