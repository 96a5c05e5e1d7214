use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::StreamExt;
use reqwest::{Response, StatusCode, header};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256 as Hasher};
use tokio::{fs, io::AsyncWriteExt};
use url::Url;
use windlass_model::Sha256;

use super::PayloadError;
use crate::web::{self, innermost};

/// How often a broken download is taken up again without a single new byte. Progress resets
/// the count, so a long transfer over a bad link ends only when the link is dead.
const TRIES_WITHOUT_PROGRESS: u32 = 6;
/// The first wait between tries; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// A server that sends nothing for so long counts as broken.
const IDLE: Duration = Duration::from_secs(30);

/// Told how a download goes.
pub trait DownloadObserver: Sync {
    /// `received` of `total` bytes are on disk; the total is unknown until the server says it.
    fn progress(&self, received: u64, total: Option<u64>);
}

/// Payloads from URLs, kept on disk under the SHA-256 of their bytes.
pub struct DownloadCache {
    folder: PathBuf,
}

/// What the server said of a download: lets a later run ask whether it is still the same,
/// and an interrupted one go on.
#[derive(Default, Serialize, Deserialize)]
struct Origin {
    etag: Option<String>,
    last_modified: Option<String>,
    sha256: Option<Sha256>,
}

/// How one try ended without the whole file.
enum Broken {
    /// Worth another try.
    Link(String),
    /// The server will say the same again.
    Final(PayloadError),
}

impl DownloadCache {
    /// A cache in `folder`, which is made when something is downloaded.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// The file that holds what `url` names, downloaded if it is not there yet. With
    /// `expected` a file of that digest is taken without asking the server; without, the
    /// server is asked whether its file is still the one that is kept. A download that
    /// breaks goes on where it was, also in a later run, if the server can send ranges.
    ///
    /// # Errors
    /// If the server refuses, the link stays broken, the bytes have another digest, or the
    /// folder cannot be written.
    pub async fn fetch(
        &self,
        url: &Url,
        expected: Option<Sha256>,
        observer: &dyn DownloadObserver,
    ) -> Result<Fetched, PayloadError> {
        if let Some(sha256) = expected {
            let path = self.content(&sha256);
            if fs::try_exists(&path).await.unwrap_or(false) {
                return Ok(Fetched { path, sha256 });
            }
        }
        fs::create_dir_all(&self.folder)
            .await
            .map_err(|cause| self.unusable(&self.folder, cause))?;
        let transfer = Transfer::new(self, url, observer)?;
        let file = transfer.run().await?;
        match expected {
            Some(expected) if expected != file.sha256 => {
                fs::remove_file(&file.path).await.ok();
                let found = file.sha256;
                Err(PayloadError::OtherDigest { expected, found })
            }
            Some(_) | None => Ok(file),
        }
    }

    /// Removes a file that is not what it was.
    pub async fn discard(&self, kept: &Fetched) {
        // If it cannot be removed, the next check of its digest says so again.
        fs::remove_file(&kept.path).await.ok();
    }

    fn content(&self, digest: &Sha256) -> PathBuf {
        self.folder.join(digest.to_string())
    }

    fn unusable(&self, path: &Path, cause: io::Error) -> PayloadError {
        PayloadError::Cache {
            path: path.to_owned(),
            cause,
        }
    }
}

/// A file of the cache.
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// What its bytes were when it was kept.
    pub sha256: Sha256,
}

struct Transfer<'a> {
    cache: &'a DownloadCache,
    client: reqwest::Client,
    url: &'a Url,
    observer: &'a dyn DownloadObserver,
    partial: PathBuf,
    origin_file: PathBuf,
}

impl<'a> Transfer<'a> {
    fn new(
        cache: &'a DownloadCache,
        url: &'a Url,
        observer: &'a dyn DownloadObserver,
    ) -> Result<Self, PayloadError> {
        let client =
            web::client()
                .read_timeout(IDLE)
                .build()
                .map_err(|error| PayloadError::Download {
                    url: shown(url),
                    reason: error.without_url().to_string(),
                })?;
        let name = Sha256(Hasher::digest(url.as_str()).into());
        Ok(Self {
            cache,
            client,
            url,
            observer,
            partial: cache.folder.join(format!("{name}.part")),
            origin_file: cache.folder.join(format!("{name}.origin.json")),
        })
    }

    async fn run(&self) -> Result<Fetched, PayloadError> {
        let mut tries = 0;
        loop {
            let before = self.partial_size().await;
            match self.attempt().await {
                Ok(file) => return Ok(file),
                Err(Broken::Final(error)) => return Err(error),
                Err(Broken::Link(reason)) => {
                    tries = if self.partial_size().await > before {
                        1
                    } else {
                        tries + 1
                    };
                    if tries >= TRIES_WITHOUT_PROGRESS {
                        return Err(
                            self.refused(format!("{reason} ({tries} tries without progress)"))
                        );
                    }
                    tracing::warn!(
                        url = shown(self.url),
                        reason,
                        "the payload's download broke, trying again"
                    );
                    tokio::time::sleep(FIRST_WAIT * 2_u32.pow(tries - 1)).await;
                }
            }
        }
    }

    async fn attempt(&self) -> Result<Fetched, Broken> {
        let origin = self.read_origin().await;
        let have = self.partial_size().await;
        let mut request = self.client.get(self.url.clone());
        let validator = origin
            .etag
            .clone()
            .filter(|tag| !tag.starts_with("W/"))
            .or(origin.last_modified.clone());
        if let (1.., Some(validator)) = (have, validator) {
            request = request
                .header(header::RANGE, format!("bytes={have}-"))
                .header(header::IF_RANGE, validator);
        } else if let Some(digest) = origin.sha256
            && fs::try_exists(self.cache.content(&digest))
                .await
                .unwrap_or(false)
        {
            if let Some(tag) = &origin.etag {
                request = request.header(header::IF_NONE_MATCH, tag);
            } else if let Some(date) = &origin.last_modified {
                request = request.header(header::IF_MODIFIED_SINCE, date);
            }
        }
        let response = request
            .send()
            .await
            .map_err(|error| Broken::Link(innermost(&error)))?;
        match response.status() {
            StatusCode::NOT_MODIFIED => self.kept(&origin),
            StatusCode::PARTIAL_CONTENT if starts_at(&response, have) => {
                self.receive(response, have, origin).await
            }
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::PARTIAL_CONTENT => {
                fs::remove_file(&self.partial).await.ok();
                Err(Broken::Link(
                    "the server did not accept where to go on".into(),
                ))
            }
            status if status.is_success() => {
                let origin = origin_of(&response);
                self.receive(response, 0, origin).await
            }
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Broken::Link(format!("the server answered {status}")))
            }
            status => Err(Broken::Final(
                self.refused(format!("the server answered {status}")),
            )),
        }
    }

    fn kept(&self, origin: &Origin) -> Result<Fetched, Broken> {
        let sha256 = origin
            .sha256
            .ok_or_else(|| Broken::Link("the server answered 304 unasked".into()))?;
        Ok(Fetched {
            path: self.cache.content(&sha256),
            sha256,
        })
    }

    async fn receive(
        &self,
        response: Response,
        from: u64,
        mut origin: Origin,
    ) -> Result<Fetched, Broken> {
        let unusable = |cause| Broken::Final(self.cache.unusable(&self.partial, cause));
        let total = response.content_length().map(|rest| from + rest);
        let mut file = fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(from == 0)
            .append(from > 0)
            .open(&self.partial)
            .await
            .map_err(unusable)?;
        self.write_origin(&origin).await?;
        let mut received = from;
        let mut body = response.bytes_stream();
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => {
                    file.flush().await.map_err(unusable)?;
                    return Err(Broken::Link(innermost(&error)));
                }
            };
            file.write_all(&chunk).await.map_err(unusable)?;
            received += chunk.len() as u64;
            self.observer.progress(received, total);
        }
        file.flush().await.map_err(unusable)?;
        file.sync_all().await.map_err(unusable)?;
        if total.is_some_and(|total| received < total) {
            return Err(Broken::Link("the server ended the transfer early".into()));
        }
        let partial = self.partial.clone();
        let sha256 = crate::tasks::blocking(move || digest(&partial))
            .await
            .map_err(unusable)?;
        let path = self.cache.content(&sha256);
        fs::rename(&self.partial, &path).await.map_err(unusable)?;
        origin.sha256 = Some(sha256);
        self.write_origin(&origin).await?;
        Ok(Fetched { path, sha256 })
    }

    async fn partial_size(&self) -> u64 {
        fs::metadata(&self.partial)
            .await
            .map_or(0, |metadata| metadata.len())
    }

    async fn read_origin(&self) -> Origin {
        let text = fs::read(&self.origin_file).await.unwrap_or_default();
        // What cannot be read says nothing: the download starts afresh.
        serde_json::from_slice(&text).unwrap_or_default()
    }

    async fn write_origin(&self, origin: &Origin) -> Result<(), Broken> {
        let text = serde_json::to_vec(origin).unwrap_or_default();
        fs::write(&self.origin_file, text)
            .await
            .map_err(|cause| Broken::Final(self.cache.unusable(&self.origin_file, cause)))
    }

    fn refused(&self, reason: String) -> PayloadError {
        PayloadError::Download {
            url: shown(self.url),
            reason,
        }
    }
}

fn origin_of(response: &Response) -> Origin {
    let text = |name| {
        response
            .headers()
            .get(name)?
            .to_str()
            .ok()
            .map(str::to_owned)
    };
    Origin {
        etag: text(header::ETAG),
        last_modified: text(header::LAST_MODIFIED),
        sha256: None,
    }
}

fn starts_at(response: &Response, offset: u64) -> bool {
    let range = response
        .headers()
        .get(header::CONTENT_RANGE)
        .and_then(|value| value.to_str().ok());
    range.is_some_and(|range| range.starts_with(&format!("bytes {offset}-")))
}

fn digest(path: &Path) -> io::Result<Sha256> {
    let mut hasher = Hasher::new();
    io::copy(
        &mut io::BufReader::with_capacity(1 << 20, std::fs::File::open(path)?),
        &mut HashWriter(&mut hasher),
    )?;
    Ok(Sha256(hasher.finalize().into()))
}

struct HashWriter<'a>(&'a mut Hasher);

impl io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The URL without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have credentials.
    url.set_username("").ok();
    url.set_password(None).ok();
    url.set_query(None);
    url.to_string()
}
