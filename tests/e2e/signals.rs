//! Measurements from outside that a rollout's gates go by (issue 4, "Signals").

use std::{
    collections::VecDeque,
    fs,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use windlass_sim::FleetSpec;

use crate::{
    support::{Bench, Config, Ended},
    terminal::{RUN, Terminal},
};

/// A canary of two devices that is watched by a signal.
const WATCHED: &str = r#"[
  { name = "canary", count = 2, analysis = [
    { signal = "errors", success = { at_most = 0.02 }, on_failure = "abort", inconclusive_limit = 2, on_inconclusive = "pause" },
  ] },
  { name = "all" },
]"#;

fn bench(signals: &str) -> Bench {
    let bench = Bench::new(
        FleetSpec {
            count: 4,
            ..FleetSpec::default()
        },
        1_000,
    );
    configure(&bench, signals);
    bench
}

fn configure(bench: &Bench, signals: &str) {
    bench.configure(&Config {
        cohorts: WATCHED,
        plugins: signals,
        rollout: r#"filter = { plugin = "cel", expression = "true" }"#,
        ..Config::default()
    });
}

/// A server that answers each request with the next of its answers, and then with the last
/// again and again; it hears what was asked. An answer of nothing is never given.
struct Server {
    address: String,
    heard: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Server {
    async fn start(answers: &[Option<String>]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("bound"));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let left = Arc::new(Mutex::new(VecDeque::from(answers.to_vec())));
        let ears = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                open.spawn(serve(stream, Arc::clone(&left), Arc::clone(&ears)));
            }
        });
        Self {
            address,
            heard,
            task,
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("no test panicked").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    left: Arc<Mutex<VecDeque<Option<String>>>>,
    heard: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    loop {
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(1..) if request.len() > 1 << 16 => return,
                Ok(count @ 1..) => request.extend_from_slice(&buffer[..count]),
                Ok(0) | Err(_) => return,
            }
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        heard.lock().expect("no test panicked").push(text);
        request.clear();
        let answer = {
            let mut left = left.lock().expect("no test panicked");
            match left.len() {
                1 => left.front().cloned(),
                _ => left.pop_front(),
            }
        };
        match answer.flatten() {
            // It hangs until whoever asks has enough.
            None => while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {},
            Some(answer) => {
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn http(status: &str, body: &str) -> Option<String> {
    let length = body.len();
    Some(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    ))
}

fn rate(rate: &str) -> Option<String> {
    http("200 OK", &format!(r#"{{"data":{{"rate":{rate}}}}}"#))
}

fn by_url(server: &Server) -> String {
    format!(
        r#"[signals.errors]
url = "{}/metrics.json?key=s3cret"
pointer = "/data/rate"
every = "1s"
timeout = "400ms"
"#,
        server.address
    )
}

async fn replayed(bench: &Bench) {
    let replay = bench.windlass(&["replay", "windlass.toml"]).await;
    assert_eq!(replay.code, Some(0), "{replay:#?}");
    assert!(replay.stdout.contains("none differs"), "{replay:#?}");
}

fn types(ended: &Ended, kind: &str) -> Vec<serde_json::Value> {
    let events = ended.events().into_iter();
    events.filter(|event| event["type"] == kind).collect()
}

/// The next cohort waits for a good measurement made after the canary ran the release, and the
/// recorded decisions come out as they did: what was recorded is what was seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_good_signal_opens_the_next_cohort() {
    let server = Server::start(&[rate("0.01")]).await;
    let bench = bench(&by_url(&server));
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.result()["succeeded"], 4, "{ended:#?}");
    assert!(ended.stdout.contains("awaiting-signal"), "{ended:#?}");
    replayed(&bench).await;
    let recorded = bench
        .windlass(&["signals", "windlass.toml", "--recorded"])
        .await;
    assert_eq!(recorded.code, Some(0), "{recorded:#?}");
    let lines: Vec<_> = recorded.stdout.lines().collect();
    assert_eq!(
        lines.len(),
        1,
        "further samples said the same: {recorded:#?}"
    );
    assert!(lines[0].starts_with("errors  ok ") && lines[0].ends_with("Z  0.01"));
    let decisions = bench
        .windlass(&["decisions", "windlass.toml", "--output", "json"])
        .await;
    let seen = decisions
        .events()
        .iter()
        .any(|decision| decision["view"]["signals"][0]["value"] == 0.01);
    assert!(seen, "{decisions:#?}");
}

/// "A failure over the limit acts at once."
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_signal_aborts() {
    let server = Server::start(&[rate("0.5")]).await;
    let bench = bench(&by_url(&server));
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains("abort-signal-failed"), "{ended:#?}");
    replayed(&bench).await;
}

/// Issue 4, bad input: a source that refuses, answers garbage or hangs never stops the engine;
/// its status is told when it changes, and the stated action follows beyond the limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_in_trouble_holds_then_pauses_and_the_rollout_goes_on_when_it_is_well() {
    let trouble = [
        rate("NaN"),
        http("503 Service Unavailable", "no"),
        None,
        rate("\"many\""),
        rate("0.0"),
    ];
    let server = Server::start(&trouble).await;
    let bench = bench(&by_url(&server));
    let mut run = Terminal::open(&bench, &RUN);
    let failed = run.event("signal-changed").await;
    assert_eq!(failed["status"], "failed", "{failed}");
    run.event("rollout-paused").await;
    run.until(|event| event["type"] == "signal-changed" && event["status"] == "ok")
        .await;
    let resumed = bench.windlass(&["resume", "windlass.toml"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(types(&ended, "signal-changed").len(), 2, "{ended:#?}");
    assert!(!ended.stdout.contains("s3cret"), "{ended:#?}");
    replayed(&bench).await;
}

/// A file that is not there yet is a signal without a value; it appears, and the rollout goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_appears_later_lets_the_rollout_go_on() {
    let bench = bench("[signals.errors]\nfile = \"errors.txt\"\nevery = \"1s\"\n");
    let mut run = Terminal::open(&bench, &RUN);
    let missing = run.event("signal-changed").await;
    assert_eq!(
        (&missing["status"], &missing["message"]),
        (&"missing".into(), &"there is no such file".into())
    );
    run.event("rollout-paused").await;
    bench.write("errors.txt", "0.001\n");
    let found = run.event("signal-changed").await;
    assert_eq!(found["value"], 0.001);
    let resumed = bench.windlass(&["resume", "windlass.toml"]).await;
    assert_eq!(resumed.code, Some(0), "{resumed:#?}");
    // As the job would that measures: what was measured before the devices were updated says
    // nothing of them.
    let file = bench.path("errors.txt");
    let job = tokio::spawn(async move {
        loop {
            fs::write(&file, "0.002\n").expect("the folder can be written");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let ended = run.end().await;
    job.abort();
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    replayed(&bench).await;
}

/// The format is that of the Prometheus HTTP API, "Instant queries" and "Expression query result
/// formats" (<https://prometheus.io/docs/prometheus/latest/querying/api/>): values are strings,
/// `NaN` and `+Inf` among them, and an error comes with a status of 400 or 422.
#[tokio::test(flavor = "multi_thread")]
async fn prometheus_is_asked_by_an_instant_query() {
    let vector = |samples: &str| {
        http(
            "200 OK",
            &format!(
                r#"{{"status":"success","data":{{"resultType":"vector","result":[{samples}]}}}}"#
            ),
        )
    };
    let sample =
        |value: &str| format!(r#"{{"metric":{{"job":"pos"}},"value":[1767225600.781,"{value}"]}}"#);
    let answers = [
        vector(&sample("0.0125")),
        http(
            "200 OK",
            r#"{"status":"success","data":{"resultType":"scalar","result":[1767225600.781,"3"]}}"#,
        ),
        vector(""),
        vector(&format!("{},{}", sample("1"), sample("2"))),
        vector(&sample("NaN")),
        http(
            "200 OK",
            r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#,
        ),
        http(
            "400 Bad Request",
            r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected end of input"}"#,
        ),
        http("302 Found", ""),
        http("200 OK", "<html>"),
        http("200 OK", &" ".repeat((1 << 20) + 1)),
    ];
    let server = Server::start(&answers).await;
    let bench = bench(&format!(
        "[signals.errors]\nprometheus = \"{}/prom/\"\nquery = \"sum(rate(errors_total[5m]))\"\nbearer = {{ env = \"METRICS_TOKEN\" }}\n",
        server.address
    ));
    let mut said = String::new();
    for _ in 0..answers.len() {
        let mut command = bench.command(&["signals", "windlass.toml"]);
        command.env("METRICS_TOKEN", "t0ken");
        let ended = crate::support::finish(command).await;
        said += &format!("{:?} {}", ended.code, ended.stdout);
        assert_eq!(ended.stderr, "", "{ended:#?}");
    }
    insta::with_settings!({ filters => [(r"[\d.]+s ago", "[age] ago"), (r"\d+d \d+h ago", "[days] ago")] }, {
        insta::assert_snapshot!("prometheus", said);
    });
    let heard = server.heard();
    let first = heard[0].to_lowercase();
    assert!(
        first.starts_with("get /prom/api/v1/query?query=sum%28rate%28errors_total%5b5m%5d%29%29 "),
        "{first}"
    );
    assert!(first.contains("authorization: bearer t0ken"), "{first}");
    assert!(!said.contains("t0ken"), "{said}");
}

/// Each signal is polled once, and trouble is exit 2.
#[tokio::test(flavor = "multi_thread")]
async fn signals_are_polled_once_by_hand() {
    let server = Server::start(&[rate("true"), None]).await;
    let bench = bench(&format!(
        "{}\n[signals.load]\nfile = \"load.json\"\npointer = \"/one~1two/0\"\n\n[signals.old]\nfile = \"old.txt\"\nevery = \"1s\"\n",
        by_url(&server)
    ));
    bench.write("load.json", r#"{"one/two":[0.75]}"#);
    let old = bench.write("old.txt", "1");
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    let old = fs::File::options().write(true).open(old).expect("written");
    old.set_modified(yesterday).expect("it can be made old");
    let mut said = String::new();
    for _ in 0..2 {
        let ended = bench.windlass(&["signals", "windlass.toml"]).await;
        said += &format!("{:?}\n{}{}", ended.code, ended.stdout, ended.stderr);
    }
    insta::with_settings!({ filters => [(r"[\d.]+s ago", "[age] ago"), (r"\d+d \d+h ago", "[days] ago")] }, {
        insta::assert_snapshot!("by_hand", said);
    });
    assert!(!bench.has_state(), "nothing else is touched");
}

/// Issue 4, bad input: a signal that does not exist is told at its line, and nothing is changed;
/// `check` asks no source.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_does_not_exist_is_told_where_it_is_named() {
    let server = Server::start(&[rate("0.0")]).await;
    let signals = by_url(&server);
    let bench = bench(&signals.replace("signals.errors", "signals.erors"));
    for command in ["check", "run"] {
        let ended = bench.windlass(&[command, "windlass.toml"]).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{ended:#?}"
        );
        insta::assert_snapshot!("an_unknown_signal", ended.stderr);
    }
    assert!(!bench.has_state());
    configure(&bench, &signals);
    let right = bench.windlass(&["check", "windlass.toml"]).await;
    assert_eq!(right.code, Some(0), "{right:#?}");
    let told = "signal errors: asked for by `careful`; `windlass signals windlass.toml` polls it\n";
    assert!(right.stdout.ends_with(told), "{right:#?}");
    assert!(server.heard().is_empty(), "{:?}", server.heard());

    let secret = signals + "bearer = { env = \"NOWHERE_TOKEN\" }\n";
    configure(&bench, &secret);
    let ended = bench.windlass(&["check", "windlass.toml"]).await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    insta::with_settings!({ filters => [(r"127\.0\.0\.1:\d+", "[server]")] }, {
        insta::assert_snapshot!("a_missing_secret", ended.stderr);
    });
}
