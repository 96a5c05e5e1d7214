use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use reqwest::Client;
use url::Url;
use windlass_model::{Reading, SignalSample, Timestamp};

use super::{Access, SignalOrigin, SignalSource, fetch, file, file::Found};
use crate::clock::Clock;

/// Polls of one interval are spread over this share of it, so that many engines that were
/// started together do not ask together for ever.
const SPREAD: u32 = 5;

/// Measures one signal.
pub struct Poller {
    source: Arc<SignalSource>,
    means: Means,
}

/// What a poll needs.
enum Means {
    Document {
        client: Client,
        url: Url,
        pointer: String,
        access: Access,
    },
    Query {
        client: Client,
        base: Url,
        query: String,
        access: Access,
    },
    File {
        path: PathBuf,
        pointer: Option<String>,
        /// A read that did not come back yet: a file system that hangs must not take one
        /// thread more at each poll.
        reading: Option<BoxFuture<'static, Found>>,
    },
    /// Why there is no client.
    Nothing(String),
}

impl Means {
    fn of(origin: &SignalOrigin) -> Self {
        let made = |made: Result<Self, String>| made.unwrap_or_else(Self::Nothing);
        match origin.clone() {
            SignalOrigin::Http {
                url,
                pointer,
                access,
            } => made(fetch::client().map(|client| Self::Document {
                client,
                url,
                pointer,
                access,
            })),
            SignalOrigin::Prometheus {
                base,
                query,
                access,
            } => made(fetch::client().map(|client| Self::Query {
                client,
                base,
                query,
                access,
            })),
            SignalOrigin::File { path, pointer } => Self::File {
                path,
                pointer,
                reading: None,
            },
        }
    }

    async fn find(&mut self) -> Found {
        let reading = match self {
            Self::Document {
                client,
                url,
                pointer,
                access,
            } => fetch::document(client, url, pointer, access).await,
            Self::Query {
                client,
                base,
                query,
                access,
            } => fetch::query(client, base, query, access).await,
            Self::File {
                path,
                pointer,
                reading,
            } => {
                let under_way = reading.get_or_insert_with(|| {
                    let (path, pointer) = (path.clone(), pointer.clone());
                    Box::pin(crate::tasks::blocking(move || {
                        file::read(&path, pointer.as_deref())
                    }))
                });
                let found = under_way.await;
                *reading = None;
                return found;
            }
            Self::Nothing(why) => Reading::Failed(why.clone()),
        };
        Found {
            reading,
            written: None,
        }
    }
}

impl Poller {
    /// Measures nothing yet.
    pub fn new(source: Arc<SignalSource>) -> Self {
        Self {
            means: Means::of(&source.origin),
            source,
        }
    }

    /// One measurement, or why there is none; within the source's time-out.
    pub async fn poll<C: Clock>(&mut self, clock: &C) -> SignalSample {
        let source = Arc::clone(&self.source);
        let began = clock.now();
        let found = tokio::select! {
            biased;
            found = self.means.find() => found,
            () = clock.sleep_until(began.monotonic + source.timeout) => Found {
                reading: Reading::Failed(format!("no answer within {:?}", source.timeout)),
                written: None,
            },
        };
        // A file's clock may be ahead.
        let written = found.written.map(|written| written.min(began.wall));
        let fresh_until = written.unwrap_or(began.wall).plus(source.stale);
        match found.reading {
            Reading::Value(_) if fresh_until < began.wall => {
                let text = format!("the file was not written for more than {:?}", source.stale);
                self.sample(began.wall, Reading::Stale(text), began.wall)
            }
            reading @ Reading::Value(_) => {
                self.sample(written.unwrap_or(began.wall), reading, fresh_until)
            }
            reading => self.sample(began.wall, reading, began.wall),
        }
    }

    fn sample(&self, at: Timestamp, reading: Reading, fresh_until: Timestamp) -> SignalSample {
        SignalSample {
            name: self.source.name.clone(),
            at,
            reading,
            fresh_until,
        }
    }
}

/// Polls at once and then again and again, until nobody takes the samples.
pub(crate) async fn watch<C: Clock, F: Future<Output = bool>>(
    source: Arc<SignalSource>,
    clock: C,
    mut hand_over: impl FnMut(SignalSample) -> F,
) {
    let mut poller = Poller::new(Arc::clone(&source));
    loop {
        let began = clock.now().monotonic;
        let sample = poller.poll(&clock).await;
        let pause = pause(&source, sample.at);
        if !hand_over(sample).await {
            return;
        }
        clock.sleep_until(began + pause).await;
    }
}

/// Around `every`; the same for the same signal and instant.
fn pause(source: &SignalSource, at: Timestamp) -> Duration {
    let mut hasher = DefaultHasher::new();
    (source.name.as_str(), at.0, std::process::id()).hash(&mut hasher);
    let part = u32::try_from(hasher.finish() % 1024).unwrap_or_default();
    let least = source.every - source.every / (2 * SPREAD);
    least + source.every / SPREAD * part / 1024
}
