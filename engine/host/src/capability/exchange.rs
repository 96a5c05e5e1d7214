use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, Request as HttpRequest, Response,
    Uri, header::CONTENT_LENGTH, uri,
};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use wasmtime_wasi_http::{
    DEFAULT_FORBIDDEN_HEADERS, WasiBody,
    p2::{
        bindings::http::types::{ErrorCode, Method, Scheme},
        body::HostIncomingBody,
    },
};

use crate::{
    bindings::exchange::{Answer, Content, ExchangeError, Host, Request},
    egress::SMALL_ANSWER,
    guest::State,
    limits::HTTP_FIELD_BYTES,
    payload::{OutOfRange, PayloadBody},
};

/// What a header counts for beside its name and value, as `wasi:http` counts.
const HEADER_OVERHEAD: usize = size_of::<HeaderName>() + size_of::<HeaderValue>();

impl Host for State {
    async fn send(
        &mut self,
        request: Request,
        content: Content,
    ) -> wasmtime::Result<Result<Answer, ExchangeError>> {
        let body = match self.body(content)? {
            Ok(body) => body,
            Err(error) => return Ok(Err(error)),
        };
        let request = match assemble(request, body) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        match self.http_hooks.exchange(request).await {
            Ok(response) => self.answer(response).map(Ok),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl State {
    fn body(&self, content: Content) -> wasmtime::Result<Result<WasiBody, ExchangeError>> {
        let (payload, range) = match content {
            Content::Nothing => {
                let nothing = Empty::new().map_err(|never| match never {});
                return Ok(Ok(nothing.boxed_unsync()));
            }
            Content::Payload(payload) => (payload, None),
            Content::Range((payload, offset, length)) => (payload, Some((offset, length))),
        };
        let Ok((source, lease)) = self.leased(&payload)? else {
            return Ok(Err(ExchangeError::LeaseEnded));
        };
        let (offset, length) = range.unwrap_or((0, source.size()));
        let body = PayloadBody::new(source, lease, offset, length);
        Ok(match body {
            Ok(body) => Ok(body.boxed_unsync()),
            Err(OutOfRange { .. }) => Err(ExchangeError::OutOfRange),
        })
    }

    fn answer(&mut self, response: Response<WasiBody>) -> wasmtime::Result<Answer> {
        let (head, body) = response.into_parts();
        let (body, rest) = at_hand(body);
        let rest = match rest {
            Some(rest) => Some(self.table.push(HostIncomingBody::new(rest))?),
            None => None,
        };
        Ok(Answer {
            status: head.status.as_u16(),
            headers: fields(&head.headers),
            body,
            rest,
        })
    }
}

impl From<ErrorCode> for ExchangeError {
    fn from(code: ErrorCode) -> Self {
        Self::Http(code)
    }
}

fn assemble(request: Request, body: WasiBody) -> Result<HttpRequest<WasiBody>, ExchangeError> {
    let length = body.size_hint().exact().filter(|length| *length > 0);
    let uri = Uri::builder()
        .scheme(scheme(request.scheme)?)
        .authority(request.authority)
        .path_and_query(request.path_with_query)
        .build()
        .map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    let mut assembled = HttpRequest::new(body);
    *assembled.method_mut() = method(request.method)?;
    *assembled.uri_mut() = uri;
    let headers = assembled.headers_mut();
    headers.reserve(request.headers.len() + 2);
    let mut size = 0;
    for (name, value) in request.headers {
        size += name.len() + value.len() + HEADER_OVERHEAD;
        if size > HTTP_FIELD_BYTES {
            let size = u32::try_from(size).ok();
            return Err(ErrorCode::HttpRequestHeaderSectionSize(size).into());
        }
        let known = HeaderName::from_bytes(name.as_bytes());
        let (Ok(known), Ok(value)) = (known, HeaderValue::from_maybe_shared(Bytes::from(value)))
        else {
            return Err(ExchangeError::Header(name));
        };
        let is_ours = known == CONTENT_LENGTH && length.is_some();
        if is_ours || DEFAULT_FORBIDDEN_HEADERS.contains(&known) {
            return Err(ExchangeError::Header(name));
        }
        headers.append(known, value);
    }
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok(assembled)
}

fn method(method: Method) -> Result<HttpMethod, ErrorCode> {
    Ok(match method {
        Method::Get => HttpMethod::GET,
        Method::Head => HttpMethod::HEAD,
        Method::Post => HttpMethod::POST,
        Method::Put => HttpMethod::PUT,
        Method::Delete => HttpMethod::DELETE,
        Method::Connect => HttpMethod::CONNECT,
        Method::Options => HttpMethod::OPTIONS,
        Method::Trace => HttpMethod::TRACE,
        Method::Patch => HttpMethod::PATCH,
        Method::Other(name) => HttpMethod::from_bytes(name.as_bytes())
            .map_err(|_| ErrorCode::HttpRequestMethodInvalid)?,
    })
}

fn scheme(scheme: Scheme) -> Result<uri::Scheme, ErrorCode> {
    match scheme {
        Scheme::Http => Ok(uri::Scheme::HTTP),
        Scheme::Https => Ok(uri::Scheme::HTTPS),
        Scheme::Other(_) => Err(ErrorCode::HttpProtocolError),
    }
}

/// What of `body` is here already, and what may follow.
fn at_hand(mut body: WasiBody) -> (Vec<u8>, Option<WasiBody>) {
    let mut begun = Vec::new();
    while !body.is_end_stream() {
        if begun.len() as u64 > SMALL_ANSWER {
            return (begun, Some(body));
        }
        match body.frame().now_or_never() {
            None => return (begun, Some(body)),
            Some(None) => break,
            Some(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    begun.extend_from_slice(data);
                }
            }
            Some(Some(Err(error))) => {
                let broken = StreamBody::new(stream::iter([Err(error)]));
                return (begun, Some(broken.boxed_unsync()));
            }
        }
    }
    (begun, None)
}

fn fields(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers
        .iter()
        .filter(|(name, _)| !DEFAULT_FORBIDDEN_HEADERS.contains(name))
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}
