//! A plain HTTP/1.1 client on a socket, so that what a device puts on the wire is seen
//! as it is.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256 as Hasher};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use windlass_model::Sha256;
use windlass_sim::Fleet;

/// A connection to a device.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// What a device answered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let known = self.headers.iter().find(|(known, _)| known == name);
        known.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }
}

impl Client {
    /// `address` is a URL of the export.
    pub(crate) async fn connect(address: &str) -> io::Result<Self> {
        let authority = address.strip_prefix("http://").expect("the export's URLs");
        let stream = TcpStream::connect(authority).await?;
        // Head and body are separate writes.
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub(crate) async fn to(fleet: &Fleet, index: usize) -> io::Result<Self> {
        Self::connect(&address(fleet, index)).await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes).await
    }

    pub(crate) async fn get(&mut self, path: &str) -> io::Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nhost: device\r\n\r\n");
        self.send(head.as_bytes()).await?;
        self.answer().await
    }

    pub(crate) async fn push(&mut self, body: &[u8], headers: &str) -> io::Result<Answer> {
        self.send(head(body.len(), headers).as_bytes()).await?;
        self.send(body).await?;
        self.answer().await
    }

    /// `request` is the method and the path.
    pub(crate) async fn request(
        &mut self,
        request: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.1\r\nhost: device\r\ncontent-length: {length}\r\n{headers}\r\n"
        );
        self.send(head.as_bytes()).await?;
        self.send(body).await?;
        if request.starts_with("HEAD ") {
            return self.answer_head().await;
        }
        self.answer().await
    }

    /// An end of the connection is an error.
    pub(crate) async fn answer(&mut self) -> io::Result<Answer> {
        let mut answer = self.answer_head().await?;
        let length = answer.header("content-length").unwrap_or("0");
        let mut body = vec![0; length.parse().expect("a length")];
        self.stream.read_exact(&mut body).await?;
        answer.body = String::from_utf8(body).expect("text");
        Ok(answer)
    }

    async fn answer_head(&mut self) -> io::Result<Answer> {
        let status = self.line().await?;
        let status = status.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut headers = Vec::new();
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
                None => break,
            }
        }
        Ok(Answer {
            status: status.expect("a status line"),
            headers,
            body: String::new(),
        })
    }

    /// Waits until the device closes the connection, in order or by a reset.
    pub(crate) async fn closed(mut self) {
        let mut rest = Vec::new();
        if let Ok(read) = self.stream.read_to_end(&mut rest).await {
            assert_eq!(read, 0, "nothing comes before the end");
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

pub(crate) fn address(fleet: &Fleet, index: usize) -> String {
    fleet.devices().nth(index).expect("a device").address
}

pub(crate) fn head(length: usize, headers: &str) -> String {
    format!("POST /update HTTP/1.1\r\nhost: device\r\ncontent-length: {length}\r\n{headers}\r\n")
}

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
    Sha256(Hasher::digest(bytes).into())
}

pub(crate) fn repr_digest(bytes: &[u8]) -> String {
    format!(
        "repr-digest: sha-256=:{}:\r\n",
        STANDARD.encode(sha256(bytes).0)
    )
}

/// Pushes on a connection of its own.
pub(crate) async fn push(
    fleet: &Fleet,
    index: usize,
    body: &[u8],
    headers: &str,
) -> io::Result<Answer> {
    Client::to(fleet, index).await?.push(body, headers).await
}

/// The body of `GET /version` on a connection of its own.
pub(crate) async fn version(fleet: &Fleet, index: usize) -> io::Result<Answer> {
    Client::to(fleet, index).await?.get("/version").await
}
