//! What requests of the engine itself (payloads, signals) have in common.

use std::time::Duration;

use reqwest::ClientBuilder;

/// Longest time to make a connection.
const CONNECT: Duration = Duration::from_secs(10);

/// A client that is still to be built.
pub(crate) fn client() -> ClientBuilder {
    // An error means that a provider is installed already, which serves as well.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    reqwest::Client::builder()
        .connect_timeout(CONNECT)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
}

/// The cause at the root of an error, without the URL.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    match cause.downcast_ref::<reqwest::Error>() {
        // Its own text would name the URL, and the URL may hold a secret.
        Some(_) => "the request failed".to_owned(),
        None => cause.to_string(),
    }
}
