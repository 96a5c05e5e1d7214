use std::{fmt, io, path::PathBuf, time::Duration};

use reqwest::header::HeaderName;
use url::Url;
use windlass_model::SignalName;

/// A signal as the operator configured it.
#[derive(Clone, Debug)]
pub struct SignalSource {
    /// Its name.
    pub name: SignalName,
    /// Where it is measured.
    pub origin: SignalOrigin,
    /// From one poll to the next; polls are spread around it by a tenth.
    pub every: Duration,
    /// How long one poll may take; less than `every`.
    pub timeout: Duration,
    /// How long a value says something, from when it was measured.
    pub stale: Duration,
}

/// Where a signal is measured.
#[derive(Clone, Debug)]
pub enum SignalOrigin {
    /// A JSON document of a server.
    Http {
        /// Which.
        url: Url,
        /// Where in it the number or boolean stands (RFC 6901).
        pointer: String,
        /// What the server wants to see.
        access: Access,
    },
    /// An instant query of Prometheus, or of what speaks its API.
    Prometheus {
        /// The address that its API begins at, without `/api/v1`.
        base: Url,
        /// In PromQL; its result is a scalar or one sample.
        query: String,
        /// What the server wants to see.
        access: Access,
    },
    /// A file, as old as its last change.
    File {
        /// Which.
        path: PathBuf,
        /// Where in it the number or boolean stands, if it is JSON; without it the file is the
        /// number.
        pointer: Option<String>,
    },
}

/// What a server wants to see before it answers.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The token of `Authorization: Bearer`.
    pub bearer: Option<Secret>,
    /// Further headers.
    pub headers: Vec<(HeaderName, Secret)>,
}

/// Where a secret is. Read anew at each poll, and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In this environment variable.
    Environment(String),
    /// In this file, without the line break at its end.
    File(PathBuf),
}

/// Longest secret, in bytes: servers accept header blocks of 8 to 16 KiB.
const SECRET_BYTES: u64 = 8 << 10;

/// Why a secret cannot be had. Says where it should be, never what it is.
#[derive(Debug)]
pub struct NoSecret {
    place: String,
    why: String,
}

impl fmt::Display for NoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.place, self.why)
    }
}

impl std::error::Error for NoSecret {}

impl Secret {
    /// The secret.
    ///
    /// # Errors
    /// If it is not where it should be, or is empty, or no text that a header can hold.
    pub fn read(&self) -> Result<String, NoSecret> {
        let refuse = |why: String| NoSecret {
            place: self.place(),
            why,
        };
        let text = match self {
            Self::Environment(name) => {
                std::env::var(name).map_err(|_| refuse("is not set".to_owned()))?
            }
            Self::File(path) => {
                let bytes =
                    read_some(path).map_err(|cause| refuse(format!("cannot be read: {cause}")))?;
                String::from_utf8(bytes).map_err(|_| refuse("is not text".to_owned()))?
            }
        };
        let text = text.trim_end_matches(['\r', '\n']);
        if text.is_empty() {
            return Err(refuse("is empty".to_owned()));
        }
        if text.len() as u64 > SECRET_BYTES || text.chars().any(char::is_control) {
            return Err(refuse("is nothing that a header can hold".to_owned()));
        }
        Ok(text.to_owned())
    }

    fn place(&self) -> String {
        match self {
            Self::Environment(name) => format!("the environment variable {name}"),
            Self::File(path) => format!("the file {}", path.display()),
        }
    }
}

fn read_some(path: &std::path::Path) -> io::Result<Vec<u8>> {
    use io::Read as _;
    // Opening a pipe would wait for its other end.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path)?;
    file.take(SECRET_BYTES + 2).read_to_end(&mut bytes)?;
    Ok(bytes)
}
