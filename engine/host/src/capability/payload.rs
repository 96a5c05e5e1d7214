use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http_body_util::BodyExt;
use wasmtime::component::Resource;
use wasmtime_wasi_http::p2::types::HostOutgoingRequest;
use wasmtime_wasi_io::streams::DynInputStream;

use crate::{
    bindings::payload::{Host, HostPayload, PayloadError},
    guest::State,
    lease::{Lease, LeaseError},
    limits::HTTP_FIELD_BYTES,
    payload::{OutOfRange, PayloadBody, PayloadSource, PayloadStream},
};

/// What stands behind the guest's `payload` resource.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct PayloadHandle {
    pub(crate) source: Arc<dyn PayloadSource>,
    pub(crate) lease: Arc<Lease>,
}

impl Host for State {}

impl HostPayload for State {
    fn size(&mut self, payload: Resource<PayloadHandle>) -> wasmtime::Result<u64> {
        Ok(self.table.get(&payload)?.source.size())
    }

    fn sha256(&mut self, payload: Resource<PayloadHandle>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&payload)?.source.sha256().0.to_vec())
    }

    fn media_type(&mut self, payload: Resource<PayloadHandle>) -> wasmtime::Result<String> {
        Ok(self.table.get(&payload)?.source.media_type().to_owned())
    }

    fn open(
        &mut self,
        payload: Resource<PayloadHandle>,
        offset: u64,
        length: u64,
    ) -> wasmtime::Result<Result<Resource<DynInputStream>, PayloadError>> {
        let Ok((source, lease)) = self.leased(&payload)? else {
            return Ok(Err(PayloadError::LeaseEnded));
        };
        match PayloadStream::new(source, lease, offset, length) {
            Ok(stream) => {
                let stream: DynInputStream = Box::new(stream);
                Ok(Ok(self.table.push(stream)?))
            }
            Err(OutOfRange { .. }) => Ok(Err(PayloadError::OutOfRange)),
        }
    }

    fn attach(
        &mut self,
        payload: Resource<PayloadHandle>,
        request: Resource<HostOutgoingRequest>,
        offset: u64,
        length: u64,
    ) -> wasmtime::Result<Result<(), PayloadError>> {
        let Ok((source, lease)) = self.leased(&payload)? else {
            return Ok(Err(PayloadError::LeaseEnded));
        };
        let request = self.table.get_mut(&request)?;
        if request.body.is_some() {
            return Ok(Err(not_plain("it has a body already")));
        }
        if let Some(announced) = request.headers.get(CONTENT_LENGTH)
            && announced.as_bytes() != length.to_string().as_bytes()
        {
            return Ok(Err(not_plain(
                "its Content-Length is not the length attached",
            )));
        }
        let body = match PayloadBody::new(source, lease, offset, length) {
            Ok(body) => body,
            Err(OutOfRange { .. }) => return Ok(Err(PayloadError::OutOfRange)),
        };
        // The header is the host's own, so it does not count against the guest's limit.
        request.headers.set_mutable(2 * HTTP_FIELD_BYTES);
        let set = request.headers.set(
            &mut self.http_hooks,
            CONTENT_LENGTH.to_string(),
            vec![length.to_string().into_bytes()],
        );
        request.headers.set_immutable();
        if let Err(error) = set {
            return Ok(Err(PayloadError::Other(error.to_string())));
        }
        request.body = Some(body.boxed_unsync());
        Ok(Ok(()))
    }

    fn drop(&mut self, payload: Resource<PayloadHandle>) -> wasmtime::Result<()> {
        self.table.delete(payload)?;
        Ok(())
    }
}

/// A payload's source and lease, if the lease is still good.
pub(super) type Leased = (Arc<dyn PayloadSource>, Arc<Lease>);

impl State {
    pub(super) fn leased(
        &self,
        payload: &Resource<PayloadHandle>,
    ) -> wasmtime::Result<Result<Leased, LeaseError>> {
        let PayloadHandle { source, lease } = self.table.get(payload)?;
        Ok(lease
            .check()
            .map(|()| (Arc::clone(source), Arc::clone(lease))))
    }
}

fn not_plain(why: &str) -> PayloadError {
    PayloadError::RequestNotPlain(why.to_owned())
}
