use std::{io, path::Path, time::Duration};

use tokio::{
    io::BufReader,
    net::unix::{OwnedReadHalf, OwnedWriteHalf},
    time::timeout,
};

use super::{
    protocol::{Hello, Interrupt, PROTOCOL, Request, Response},
    socket::connect_beside,
    wire::{self, Lines, WireError},
};

/// What an owner may take to greet: it does so before anything else.
const HELLO_WITHIN: Duration = Duration::from_secs(5);

/// Why the owner could not be asked, or its answer did not come.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens.
    #[error("nobody listens on the control socket")]
    Nobody(#[source] io::Error),
    /// Somebody listens and says nothing.
    #[error("the owner does not greet")]
    Silent,
    /// It is another windlass: nothing was asked.
    #[error(
        "the state file is in use by process {pid}, which does not understand this program: \
         it is windlass {theirs} and speaks version {spoken} of the control protocol, this is \
         windlass {ours} and speaks version {PROTOCOL}"
    )]
    OtherVersion {
        /// The owner's process.
        pid: u32,
        /// The owner's version.
        theirs: String,
        /// What it speaks.
        spoken: u32,
        /// This program's version.
        ours: &'static str,
    },
    /// It said something that this program does not know; the request may have been carried out.
    #[error("the owner of the state file answered what this program does not understand")]
    NotUnderstood(#[source] WireError),
    /// The connection broke; the request may have been carried out.
    #[error("the owner of the state file went away before it answered")]
    Broken(#[source] WireError),
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Call {
    reader: Lines<BufReader<OwnedReadHalf>>,
    writer: OwnedWriteHalf,
    /// The owner's process.
    pub owner: u32,
}

impl Call {
    /// Asks the owner of `state`.
    ///
    /// # Errors
    /// See [`CallError`]; nothing was asked then.
    pub async fn place(state: &Path, request: &Request) -> Result<Self, CallError> {
        let stream = connect_beside(state).await.map_err(CallError::Nobody)?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = Lines::of(BufReader::new(reader));
        let hello: Hello = match timeout(HELLO_WITHIN, reader.next()).await {
            Ok(Ok(Some(hello))) => hello,
            // One that does not let us in closes without a word; so does one that ends.
            Ok(Ok(None) | Err(_)) | Err(_) => return Err(CallError::Silent),
        };
        if hello.protocol != PROTOCOL {
            return Err(CallError::OtherVersion {
                pid: hello.pid,
                theirs: hello.windlass,
                spoken: hello.protocol,
                ours: env!("CARGO_PKG_VERSION"),
            });
        }
        // An owner that has closed already said why before: that is the answer.
        wire::write(&mut writer, request).await.ok();
        Ok(Self {
            reader,
            writer,
            owner: hello.pid,
        })
    }

    /// The next answer. May be dropped half-way and called again.
    ///
    /// # Errors
    /// [`CallError::Broken`] if there is none, [`CallError::NotUnderstood`] if it says nothing to
    /// this program.
    pub async fn next(&mut self) -> Result<Response, CallError> {
        match self.reader.next().await {
            Ok(Some(response)) => Ok(response),
            Ok(None) => Err(CallError::Broken(
                io::Error::from(io::ErrorKind::UnexpectedEof).into(),
            )),
            Err(error @ WireError::Malformed(_)) => Err(CallError::NotUnderstood(error)),
            Err(error) => Err(CallError::Broken(error)),
        }
    }

    /// Says something further.
    ///
    /// # Errors
    /// [`CallError::Broken`] if the owner has gone.
    pub async fn interrupt(&mut self, interrupt: Interrupt) -> Result<(), CallError> {
        wire::write(&mut self.writer, &interrupt)
            .await
            .map_err(|error| CallError::Broken(error.into()))
    }
}
