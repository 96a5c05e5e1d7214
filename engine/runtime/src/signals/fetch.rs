//! What a server answers.

use futures_util::StreamExt as _;
use reqwest::{Client, RequestBuilder, Response, header::HeaderValue};
use url::Url;
use windlass_model::Reading;

use super::{Access, judge, prometheus};
use crate::web;

/// Largest answer or file that is read, in bytes: a document with a number in it, not a payload.
pub(super) const BODY_BYTES: u64 = 1 << 20;

/// A client for signals. A redirect is an answer like any other: it could lead secrets, and
/// requests from inside a network, elsewhere.
pub(super) fn client() -> Result<Client, String> {
    web::client()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| web::innermost(&error))
}

/// What stands at `pointer` of the document at `url`.
pub(super) async fn document(
    client: &Client,
    url: &Url,
    pointer: &str,
    access: &Access,
) -> Reading {
    match get(client, url.clone(), access).await {
        Ok((None, body)) => judge::json(&body, pointer),
        Ok((Some(refused), _)) => Reading::Failed(refused),
        Err(why) => Reading::Failed(why),
    }
}

/// What a query of Prometheus results in.
pub(super) async fn query(client: &Client, base: &Url, query: &str, access: &Access) -> Reading {
    match get(client, prometheus::url(base, query), access).await {
        Ok((refused, body)) => prometheus::judge(&body, refused.as_deref()),
        Err(why) => Reading::Failed(why),
    }
}

type Answer = (Option<String>, Vec<u8>);

/// The body, and why it is none that was asked for, if so.
async fn get(client: &Client, url: Url, access: &Access) -> Result<Answer, String> {
    let request = with_secrets(client.get(url), access).await?;
    let response = request
        .send()
        .await
        .map_err(|error| web::innermost(&error))?;
    let status = response.status();
    let refused = if status.is_redirection() {
        Some(format!(
            "the server answered {status}, which sends elsewhere: write the address that it means"
        ))
    } else if status.is_success() {
        None
    } else {
        Some(format!("the server answered {status}"))
    };
    Ok((refused, body(response).await?))
}

async fn with_secrets(request: RequestBuilder, access: &Access) -> Result<RequestBuilder, String> {
    if access.bearer.is_none() && access.headers.is_empty() {
        return Ok(request);
    }
    let access = access.clone();
    // They may be in files.
    let read = crate::tasks::blocking(move || -> Result<_, String> {
        let read = |secret: &super::Secret| secret.read().map_err(|error| error.to_string());
        let bearer = access.bearer.as_ref().map(read).transpose()?;
        let headers = access
            .headers
            .iter()
            .map(|(name, secret)| Ok((name.clone(), read(secret)?)))
            .collect::<Result<Vec<_>, String>>()?;
        Ok((bearer, headers))
    });
    let (bearer, headers) = read.await?;
    let mut request = match bearer {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    for (name, secret) in headers {
        let mut value = HeaderValue::from_str(&secret)
            .map_err(|_| format!("the secret of the header {name} is nothing that it can hold"))?;
        value.set_sensitive(true);
        request = request.header(name, value);
    }
    Ok(request)
}

async fn body(response: Response) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| web::innermost(&error))?;
        if (bytes.len() + chunk.len()) as u64 > BODY_BYTES {
            return Err(format!(
                "the answer is larger than {} KiB",
                BODY_BYTES >> 10
            ));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
