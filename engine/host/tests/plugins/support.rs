use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use sha2::Digest;
use tokio::net::TcpListener;
use windlass_host::{
    BLOCK_SIZE, Filter, Host, HostConfig, Limits, PayloadSource, Plugin, SourceError,
};
use windlass_model::{Connectivity, Device, DeviceId, PluginName, Sha256};

pub(crate) fn host() -> Host {
    host_with(2, Limits::default())
}

pub(crate) fn host_with(concurrency: usize, limits: Limits) -> Host {
    Host::start(HostConfig {
        concurrency: NonZeroUsize::new(concurrency).expect("tests ask for some"),
        cache_dir: None,
        limits,
    })
    .expect("the machine has room for a few instances")
}

pub(crate) async fn load(host: &Host, component: Bytes) -> Plugin {
    host.load(PluginName::new("test"), component)
        .await
        .expect("the component is a plugin")
}

pub(crate) async fn builtin(host: &Host, name: &str) -> Plugin {
    let component = windlass_builtin::builtin(name).expect("it is built in");
    load(host, Bytes::from_static(component)).await
}

/// Opens `component` as a filter without expression or settings.
pub(crate) async fn open_filter(host: &Host, component: Bytes) -> Filter {
    load(host, component)
        .await
        .filter(None, &serde_json::json!({}))
        .await
        .expect("it accepts empty settings")
}

pub(crate) fn device(id: &str, address: &str) -> Device {
    Device {
        id: DeviceId::new(id),
        name: format!("Device {id}"),
        address: address.to_owned(),
        kind: Some("gateway".to_owned()),
        version: Some("1.0.0".to_owned()),
        status: Connectivity::Online,
        location: Some("hall 1".to_owned()),
        timezone: None,
        tags: vec!["blue".to_owned()],
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

/// A payload in memory.
pub(crate) struct Payload(pub(crate) Bytes);

impl Payload {
    pub(crate) fn of(size: usize) -> Arc<Self> {
        let bytes: Vec<u8> = (0..size).map(|index| (index % 251) as u8).collect();
        Arc::new(Self(bytes.into()))
    }
}

impl PayloadSource for Payload {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn sha256(&self) -> Sha256 {
        Sha256(sha2::Sha256::digest(&self.0).into())
    }

    fn media_type(&self) -> &str {
        "application/octet-stream"
    }

    fn cached(&self, block: u64) -> Option<Bytes> {
        let start = usize::try_from(block * BLOCK_SIZE).ok()?;
        let end = self.0.len().min(start + BLOCK_SIZE as usize);
        Some(self.0.slice(start..end))
    }

    fn load(&self, block: u64) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        let bytes = self.cached(block);
        Box::pin(async move {
            bytes.ok_or_else(|| SourceError::Unavailable("no such block".to_owned()))
        })
    }
}

/// A device that answers each request as `answer` does; its address.
pub(crate) async fn device_that<F>(
    answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static,
) -> String
where
    F: Future<Output = http::Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = format!("http://{}", listener.local_addr().expect("it is bound"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(answer.clone());
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}
