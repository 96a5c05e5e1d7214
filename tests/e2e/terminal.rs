//! A command that runs beside the test, whose events are heard as they come.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::support::{Bench, Ended};

/// The command of most tests: it comes back only with the end of its rollout.
pub(crate) const RUN: [&str; 6] = ["run", "windlass.toml", "--output", "json", "--wait", "done"];

/// A command in a terminal of its own. Killed when dropped: a test that fails leaves nobody
/// behind who waits for devices that are gone.
pub(crate) struct Terminal {
    child: Child,
    heard: String,
    lines: UnboundedReceiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Terminal {
    pub(crate) fn open(bench: &Bench, args: &[&str]) -> Self {
        Self::start(bench.command(args))
    }

    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("windlass starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut stderr = child.stderr.take().expect("it is piped");
        let (tell, lines) = unbounded_channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                // The test may have heard enough.
                drop(tell.send(line.expect("output is UTF-8")));
            }
        });
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).expect("output is UTF-8");
            text
        });
        Self {
            child,
            heard: String::new(),
            lines,
            errors: Some(errors),
        }
    }

    /// The next event that satisfies `wanted`, of those not yet heard.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        while let Some(line) = self.next().await {
            let event = serde_json::from_str(&line).expect("every line is JSON");
            if wanted(&event) {
                return event;
            }
        }
        let errors = self.errors();
        panic!("it ended before: {} {errors}", self.heard);
    }

    /// The next event of this type.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        self.until(|event| event["type"] == kind).await
    }

    /// The next decision or deferral that gives a reason of this code.
    pub(crate) async fn reason(&mut self, code: &str) -> Value {
        self.until(|event| {
            let reasons = event["reasons"].as_array().into_iter().flatten();
            reasons
                .chain([&event["reason"]])
                .any(|reason| reason["code"] == code)
        })
        .await
    }

    pub(crate) fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill starts").success());
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> Ended {
        while self.next().await.is_some() {}
        let stderr = self.errors();
        let code = self.child.wait().expect("it can be waited for").code();
        Ended {
            code,
            stdout: std::mem::take(&mut self.heard),
            stderr,
        }
    }

    async fn next(&mut self) -> Option<String> {
        let line = self.lines.recv().await?;
        self.heard.push_str(&line);
        self.heard.push('\n');
        Some(line)
    }

    /// Blocks until it has ended, which it has once nothing more is heard.
    fn errors(&mut self) -> String {
        let errors = self.errors.take();
        errors.map_or_else(String::new, |errors| errors.join().expect("it is read"))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
