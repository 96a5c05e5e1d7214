//! A disk that is full, and a state directory that cannot be written: a small file system of the
//! test's own, which needs user and mount namespaces.

use std::{
    io::Write as _,
    num::NonZeroU64,
    process::{Command, Stdio},
};

use windlass_sim::{Behaviour, FleetSpec};

use crate::{
    support::{Bench, Config, Ended, ended},
    verdict::{everyone_once, is_whole},
};

const DEVICES: u64 = 120;

/// Whether this machine lets a test mount a file system; where CI says that it does, it must.
fn can_mount() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--user", "--map-root-user", "--mount", "--", "mount"]);
    probe.args(["-t", "tmpfs", "windlass", "/mnt"]);
    probe.stdout(Stdio::null()).stderr(Stdio::null());
    let can = probe.status().is_ok_and(|status| status.success());
    assert!(can || std::env::var_os("CI_CAN_MOUNT").is_none());
    can
}

fn bench() -> Bench {
    let spec = FleetSpec {
        count: DEVICES as usize,
        default: Behaviour {
            bandwidth: NonZeroU64::new(1 << 20),
            ..Behaviour::default()
        },
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 50_000);
    bench.configure(&Config {
        concurrency: 4,
        rollout: r#"settle = { grace = "1s" }"#,
        ..Config::default()
    });
    std::fs::create_dir(bench.path("state")).expect("it can be made");
    bench
}

/// A script with `$RUN` for the command, in a mount namespace where `state` is a file system of
/// eight MiB. `read go` waits for [`Script::go_on`].
struct Script {
    child: std::process::Child,
}

impl Script {
    fn start(bench: &Bench, script: &str) -> Self {
        let script = format!("mount -t tmpfs -o size=8m windlass state || exit 99\n{script}");
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "--", "sh", "-c"]);
        command.arg(script).current_dir(bench.path("."));
        let run = "run windlass.toml --output json --wait done";
        command.env("RUN", format!("{} {run}", env!("CARGO_BIN_EXE_windlass")));
        command.env("WINDLASS", env!("CARGO_BIN_EXE_windlass"));
        command.stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self {
            child: command.spawn().expect("unshare starts"),
        }
    }

    fn go_on(&mut self) {
        let stdin = self.child.stdin.as_mut().expect("it is piped");
        stdin.write_all(b"go\n").expect("it is read");
    }

    async fn end(self) -> Ended {
        let wait = || self.child.wait_with_output().expect("it ends");
        let output = tokio::task::spawn_blocking(wait);
        ended(output.await.expect("waiting does not panic"))
    }
}

/// What a command of the script left: its exit code and what it said.
fn left(bench: &Bench, name: &str) -> Ended {
    let read = |kind: &str| {
        let path = bench.path(&format!("{name}.{kind}"));
        std::fs::read_to_string(path).expect("it was written")
    };
    Ended {
        code: read("code").trim().parse().ok(),
        stdout: read("out"),
        stderr: read("err"),
    }
}

/// The disk fills up in the middle: the engine says so and ends, nothing is half done, and with
/// room the same command does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_run_and_room_lets_it_go_on() {
    if !can_mount() {
        return;
    }
    let bench = bench();
    let mut script = Script::start(
        &bench,
        r#"
$RUN >first.out 2>first.err & run=$!
read go
dd if=/dev/zero of=state/ballast bs=1k 2>/dev/null
wait $run; echo $? >first.code
rm state/ballast
$RUN >second.out 2>second.err; echo $? >second.code
$WINDLASS events --state state/windlass.db --output json
cp state/windlass.db* kept/
"#,
    );
    std::fs::create_dir(bench.path("kept")).expect("it can be made");
    bench.fleet.until(|counts| counts.installed >= 10).await;
    script.go_on();
    let log = script.end().await;
    let first = left(&bench, "first");
    assert!(first.code.is_some_and(|code| code != 0), "{first:#?}");
    assert!(first.stderr.contains("full"), "it says why: {first:#?}");
    assert!(!first.stderr.contains("panicked"), "{first:#?}");

    let second = left(&bench, "second");
    let succeeded = is_whole(&log.events());
    assert_eq!(succeeded.len() as u64, DEVICES);
    // Where the other checks look for it.
    for name in std::fs::read_dir(bench.path("kept")).expect("it was made") {
        let name = name.expect("it can be listed");
        let to = bench.path("state").join(name.file_name());
        std::fs::copy(name.path(), to).expect("it can be copied");
    }
    everyone_once(bench, &second, DEVICES).await;
}

/// Nothing can be kept, so nothing is touched.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_that_cannot_be_written_is_bad_input() {
    if !can_mount() {
        return;
    }
    let bench = bench();
    let script = Script::start(
        &bench,
        r#"
mount -o remount,ro windlass state || exit 98
$RUN >first.out 2>first.err; echo $? >first.code
mount -o remount,rw windlass state || exit 97
$RUN >second.out 2>second.err; echo $? >second.code
"#,
    );
    let done = script.end().await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    let first = left(&bench, "first");
    assert_eq!(first.code, Some(2), "{first:#?}");
    assert!(first.stderr.contains("state/windlass.db"), "{first:#?}");
    let second = left(&bench, "second");
    assert_eq!(second.code, Some(0), "{second:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.begun, DEVICES, "all by the second");
}
