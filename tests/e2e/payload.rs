//! The release's bytes: checked before any device is touched, pinned while they are sent.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek as _, SeekFrom, Write as _},
    num::NonZeroU64,
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use windlass_sim::{Behaviour, FleetSpec, Inspect};

use crate::support::{Bench, Config};

/// GO-33: an empty payload is refused before anything else happens.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_payload_is_refused() {
    let bench = Bench::new(
        FleetSpec {
            count: 2,
            ..FleetSpec::default()
        },
        0,
    );
    bench.configure(&Config::default());
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert!(ended.stderr.contains("app.img is empty"), "{ended:#?}");
    assert!(!bench.has_state());
    assert_eq!(bench.fleet.stop().await.totals.requests, 0);
}

/// GO-12, GO-13, GO-187: 3 GiB (a sparse file) reach three devices, and the engine never has
/// more than 256 MiB, by the kernel's own account of its peak.
#[tokio::test(flavor = "multi_thread")]
async fn three_gib_are_delivered_within_256_mib_of_memory() {
    const SIZE: u64 = 3 << 30;
    const LIMIT: u64 = 256 << 20;
    let bench = Bench::new(
        FleetSpec {
            count: 3,
            inspect: Inspect::Count,
            ..FleetSpec::default()
        },
        1,
    );
    File::create(bench.path("app.img"))
        .and_then(|file| file.set_len(SIZE))
        .expect("a sparse file can be made");
    bench.configure(&Config::default());
    let mut command = bench.command(&["run", "windlass.toml", "--output", "json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass starts");
    let pid = child.id();
    let running = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
    let mut peak = 0;
    while !running.is_finished() {
        peak = peak.max(peak_memory(pid).unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ended = crate::support::ended(running.await.expect("waiting does not panic"));
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(peak > 0 && peak < LIMIT, "{} MiB", peak >> 20);
    let report = bench.fleet.stop().await;
    assert_eq!(report.totals.bytes, 3 * SIZE);
    assert_eq!(report.totals.updated, 3);
}

/// The most memory that the process has had so far, in bytes.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(
        line.trim()
            .strip_suffix(" kB")?
            .trim()
            .parse::<u64>()
            .ok()?
            << 10,
    )
}

/// A payload that is edited during the rollout stops it; no device takes a wrong byte.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_payload_stops_the_rollout() {
    changed_payload_stops_the_rollout(|file, size| {
        file.seek(SeekFrom::Start(size - 10))
            .expect("seeking works");
        file.write_all(b"0123456789").expect("writing works");
    })
    .await;
}

/// The same for one that is truncated.
#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_payload_stops_the_rollout() {
    changed_payload_stops_the_rollout(|file, size| {
        file.set_len(size / 2).expect("truncating works")
    })
    .await;
}

async fn changed_payload_stops_the_rollout(change: impl FnOnce(&mut File, u64)) {
    // Larger than what the engine keeps in memory, so that the end is read from disk again.
    const SIZE: usize = 80 << 20;
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(16 << 20),
        ..Behaviour::default()
    };
    let bench = Bench::new(
        FleetSpec {
            count: 12,
            default: slow,
            ..FleetSpec::default()
        },
        SIZE,
    );
    bench.configure(&Config {
        concurrency: 4,
        rollout: r#"settle = { grace = "200ms" }"#,
        ..Config::default()
    });
    let command = bench.command(&["run", "windlass.toml", "--output", "json"]);
    let running = tokio::spawn(crate::support::finish(command));
    bench.fleet.until(|counts| counts.begun > 0).await;
    let original = fs::read(bench.path("app.img")).expect("the payload is there");
    let mut file = OpenOptions::new()
        .write(true)
        .open(bench.path("app.img"))
        .expect("the payload is there");
    change(&mut file, SIZE as u64);
    let ended = running.await.expect("waiting does not panic");
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.stdout.contains("during the rollout"), "{ended:#?}");
    assert_eq!(bench.fleet.report().totals.wrong_bytes, 0);

    // With the right bytes back, a person lifts the pause and the same rollout goes on.
    fs::write(bench.path("app.img"), original).expect("the folder can be written");
    let paused = bench.run().await;
    assert_eq!(paused.code, Some(3), "nobody lifted the pause: {paused:#?}");
    let resumed = ["run", "windlass.toml", "--output", "json", "--resume"];
    let resumed = bench.windlass(&resumed).await;
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.totals.wrong_bytes, 0);
    assert_eq!(report.exactly_once(bench.payload), []);
}

/// A payload from a URL whose server breaks the connection half-way is resumed by Range, and
/// the next run takes it from the cache.
#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_after_a_break_and_is_kept() {
    let bench = Bench::new(
        FleetSpec {
            count: 2,
            ..FleetSpec::default()
        },
        300_000,
    );
    let content = fs::read(bench.path("app.img")).expect("the payload is there");
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(breaking_server(listener, content));
    let config = bench.configure(&Config::default());
    let text = fs::read_to_string(&config).expect("it was written");
    let text = text
        .replace(
            "\"app.img\"",
            &format!(
                "\"http://{address}/app.img\"\nsha256 = \"{}\"",
                bench.payload
            ),
        )
        .replace(
            &format!("cache = \"{}\"", crate::support::shared_cache().display()),
            "cache = \"cache\"",
        );
    fs::write(&config, text).expect("it can be written");
    fs::remove_file(bench.path("app.img")).expect("it was there");

    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let ranges = server.await.expect("the server does not panic");
    assert_eq!(ranges, [None, Some("bytes=100000-".to_owned())]);
    // The server is gone: a further run has to take the payload from the cache.
    let again = bench.run().await;
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert_eq!(bench.fleet.stop().await.exactly_once(bench.payload), []);
}

/// Serves two requests: 100,000 bytes and a broken connection, then what is asked for.
async fn breaking_server(listener: TcpListener, content: Vec<u8>) -> Vec<Option<String>> {
    let mut ranges = Vec::new();
    for turn in 0..2 {
        let (mut connection, _) = listener.accept().await.expect("a connection comes");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(connection.read_u8().await.expect("a request comes"));
        }
        let head = String::from_utf8_lossy(&head).to_lowercase();
        ranges.push(
            head.lines()
                .find_map(|line| line.strip_prefix("range: "))
                .map(str::to_owned),
        );
        let (status, body) = if turn == 0 {
            ("200 OK", &content[..])
        } else {
            ("206 Partial Content", &content[100_000..])
        };
        let range = if turn == 0 {
            String::new()
        } else {
            format!("Content-Range: bytes 100000-299999/{}\r\n", content.len())
        };
        let answer = format!(
            "HTTP/1.1 {status}\r\nETag: \"one\"\r\n{range}Content-Length: {}\r\n\r\n",
            body.len()
        );
        connection
            .write_all(answer.as_bytes())
            .await
            .expect("the client listens");
        let sent = if turn == 0 { &body[..100_000] } else { body };
        connection
            .write_all(sent)
            .await
            .expect("the client listens");
        connection.shutdown().await.expect("the client listens");
    }
    ranges
}
