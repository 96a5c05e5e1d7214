use std::{io, path::Path, sync::Arc, time::Duration};

use tokio::{
    io::BufReader,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    protocol::{Hello, Interrupt, PROTOCOL, Request, Response},
    socket::{BindError, Bound, bind_beside, may_speak},
    wire::{self, Lines, WireError},
};

/// Clients at once: more than people and scripts have terminals, fewer than would cost the
/// engine its file handles.
const MAX_CLIENTS: usize = 64;

/// From the connection to the whole request: a client has it ready when it connects.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// What a line that ends a connection may take; a client that reads nothing gets none.
const FAREWELL_WITHIN: Duration = Duration::from_secs(1);

/// What answers that are under way when the server ends may still take: they are waited for
/// on a machine that is busy, and not for a terminal that was suspended.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// After a failed accept, which is a lack of file handles as a rule.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Who carries requests out. Each is served on a task of its own.
pub trait Desk: Send + Sync + 'static {
    /// Answers one request. A reply that cannot be sent ends nothing: what was begun is
    /// finished.
    fn serve(
        &self,
        request: Request,
        replies: Replies,
        interrupts: Interrupts,
    ) -> impl Future<Output = ()> + Send;
}

/// Where answers go.
#[derive(Debug)]
pub struct Replies(OwnedWriteHalf);

impl Replies {
    /// Sends one; waits while the client is slow.
    ///
    /// # Errors
    /// If the client has gone.
    pub async fn send(&mut self, response: &Response) -> io::Result<()> {
        wire::write(&mut self.0, response).await
    }
}

/// What a client says after its request.
#[derive(Debug)]
pub struct Interrupts(Lines<BufReader<OwnedReadHalf>>);

impl Interrupts {
    /// The next; none when the client has gone, or says something else. May be dropped
    /// half-way.
    pub async fn next(&mut self) -> Option<Interrupt> {
        self.0.next().await.ok().flatten()
    }
}

/// The listening end, on a task that [`Server::close`] joins and a drop aborts.
#[derive(Debug)]
pub struct Server {
    closing: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens beside `state`, whose lock the caller must hold.
    ///
    /// # Errors
    /// See [`BindError`].
    pub fn start<D: Desk>(state: &Path, desk: Arc<D>) -> Result<Self, BindError> {
        let bound = bind_beside(state)?;
        let (closing, closed) = watch::channel(false);
        Ok(Self {
            closing,
            task: tokio::spawn(listen(bound, desk, closed)),
        })
    }

    /// Takes no further clients, waits a moment for answers under way, cuts the others, and
    /// removes the socket.
    pub async fn close(mut self) {
        self.closing.send_replace(true);
        if let Err(error) = (&mut self.task).await
            && error.is_panic()
        {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen<D: Desk>(bound: Bound, desk: Arc<D>, mut closed: watch::Receiver<bool>) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            _ = closed.changed() => break,
            Some(ended) = clients.join_next() => fault_of(ended),
            accepted = bound.listener.accept() => match accepted {
                Ok((stream, _)) if clients.len() < MAX_CLIENTS => {
                    let desk = Arc::clone(&desk);
                    clients.spawn(attend(stream, desk, closed.clone()));
                }
                Ok((stream, _)) => refuse_at_once(&stream),
                Err(error) => {
                    tracing::warn!(%error, "a client of the control socket was not accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    // Nobody new can come in while the last ones are served.
    drop(bound);
    let finished = async {
        while let Some(ended) = clients.join_next().await {
            fault_of(ended);
        }
    };
    if timeout(CLOSE_WITHIN, finished).await.is_err() {
        clients.shutdown().await;
    }
}

/// A fault in serving one client is the engine's own, but no reason to end its rollouts.
fn fault_of(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a request on the control socket broke off");
    }
}

async fn attend<D: Desk>(stream: UnixStream, desk: Arc<D>, mut closed: watch::Receiver<bool>) {
    if !may_speak(&stream) {
        return;
    }
    let (reader, writer) = stream.into_split();
    let (mut reader, mut replies) = (Lines::of(BufReader::new(reader)), Replies(writer));
    let hello = Hello {
        protocol: PROTOCOL,
        windlass: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
    };
    if wire::write(&mut replies.0, &hello).await.is_err() {
        return;
    }
    let asked = tokio::select! {
        asked = timeout(REQUEST_WITHIN, reader.next()) => asked,
        // Who has asked nothing yet is not waited for.
        _ = closed.wait_for(|closing| *closing) => return,
    };
    let why = match asked {
        Ok(Ok(Some(request))) => {
            desk.serve(request, replies, Interrupts(reader)).await;
            return;
        }
        Ok(Ok(None) | Err(WireError::Broken(_))) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no request came within {} s", REQUEST_WITHIN.as_secs()),
    };
    let farewell = Response::Refused(format!("error: {why}"));
    timeout(FAREWELL_WITHIN, replies.send(&farewell)).await.ok();
}

/// Says why without waiting for anything: what does not fit into the socket's buffer is not
/// said.
fn refuse_at_once(stream: &UnixStream) {
    let hello = Hello {
        protocol: PROTOCOL,
        windlass: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
    };
    let why = Response::Refused(format!(
        "error: {MAX_CLIENTS} commands are connected to the owner of the state file already"
    ));
    if let (Ok(hello), Ok(why)) = (serde_json::to_string(&hello), serde_json::to_string(&why)) {
        stream
            .try_write(format!("{hello}\n{why}\n").as_bytes())
            .ok();
    }
}
