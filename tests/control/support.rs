use std::path::PathBuf;

use tempfile::TempDir;
use tokio::net::UnixStream;
use windlass_cli::control::{
    Chore, Desk, Done, Errand, Interrupts, Replies, Request, Response, RunErrand, socket_path,
};
use windlass_model::RolloutName;

/// A place for a state file that is never made: the socket needs only its name.
pub(crate) struct State {
    _folder: TempDir,
    pub(crate) file: PathBuf,
}

impl State {
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let file = folder.path().join(name);
        let parent = file.parent().expect("it lies in a folder");
        std::fs::create_dir_all(parent).expect("the folder can be made");
        Self {
            _folder: folder,
            file,
        }
    }

    /// A client that speaks for itself.
    pub(crate) async fn connect(&self) -> UnixStream {
        UnixStream::connect(socket_path(&self.file))
            .await
            .expect("it listens")
    }
}

/// Answers a chore with what it was asked, and a run with everything it is told and more than
/// fits into a socket.
pub(crate) struct Echo;

impl Desk for Echo {
    async fn serve(&self, request: Request, mut replies: Replies, mut interrupts: Interrupts) {
        match request.what {
            Errand::Chore(Chore::Forgive { release, version }) => {
                let release = format!("{release} of {} {}", request.actor, request.reason);
                let done = Done::Forgiven { release, version };
                replies.send(&Response::Done(done)).await.ok();
            }
            Errand::Run(_) => {
                let entered = Response::Entered(RolloutName::new("echo"));
                replies.send(&entered).await.ok();
                let flood = Response::Warning("flood".repeat(1_000));
                for _ in 0..1_000 {
                    replies.send(&flood).await.ok();
                }
                while let Some(interrupt) = interrupts.next().await {
                    let heard = Response::Warning(format!("{interrupt:?}"));
                    replies.send(&heard).await.ok();
                }
            }
            Errand::Chore(_) | Errand::Status => {}
        }
    }
}

/// A request that [`Echo`] answers at once.
pub(crate) fn forgive(version: &str) -> Request {
    Request {
        actor: "ann".into(),
        reason: "because".into(),
        what: Errand::Chore(Chore::Forgive {
            release: "app".into(),
            version: version.into(),
        }),
    }
}

/// A request that [`Echo`] answers at length.
pub(crate) fn run() -> Request {
    Request {
        actor: "ann".into(),
        reason: String::new(),
        what: Errand::Run(RunErrand {
            config: "/etc/windlass.toml".into(),
            directory: "/etc".into(),
            state: None,
            concurrency: None,
            wait: windlass_runtime::WaitFor::Blocked,
            resume: false,
            accept_changes: false,
        }),
    }
}
