use std::sync::Arc;

use http::{Request, Response};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpHooks, p2::bindings::http::types::ErrorCode,
};

use crate::{
    egress::{Egress, EgressError, Timeouts},
    lease::Lease,
};

/// Sends the requests of an instance through the egress, under the lease of its job.
pub(crate) struct HttpHooks {
    egress: Arc<Egress>,
    lease: Option<Arc<Lease>>,
}

impl HttpHooks {
    pub(crate) fn new(egress: Arc<Egress>) -> Self {
        Self {
            egress,
            lease: None,
        }
    }

    /// Puts the instance under `lease`, or under none.
    pub(crate) fn lease(&mut self, lease: Option<Arc<Lease>>) {
        self.lease = lease;
    }

    /// Sends `request` and waits for the head of its answer, in a task of the network's
    /// runtime: each step of the exchange would change threads otherwise.
    pub(super) async fn exchange(
        &self,
        request: Request<WasiBody>,
    ) -> Result<Response<WasiBody>, ErrorCode> {
        let Some(lease) = self.lease.clone() else {
            return Err(ErrorCode::HttpRequestDenied);
        };
        let egress = Arc::clone(&self.egress);
        // Boxed, because on its way into a runtime a task is copied some five times, and here
        // on the stack of a guest.
        let exchange = Box::pin(async move { send(&egress, &lease, request, None).await });
        Ok(wasmtime_wasi::runtime::spawn(exchange).await?)
    }
}

type Exchange = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for HttpHooks {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _response_error: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Exchange> + Send> {
        let Some(lease) = self.lease.clone() else {
            return Box::new(std::future::ready(Err(Error::HttpRequestDenied)));
        };
        let egress = Arc::clone(&self.egress);
        Box::new(async move {
            let response = send(&egress, &lease, request, options.as_ref()).await?;
            let connection: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(std::future::ready(Ok(())));
            Ok((response, connection))
        })
    }
}

async fn send(
    egress: &Egress,
    lease: &Arc<Lease>,
    request: Request<WasiBody>,
    options: Option<&RequestOptions>,
) -> Result<Response<WasiBody>, EgressError> {
    let timeouts = Timeouts::new(lease, options);
    egress
        .send(lease, request, timeouts)
        .await
        .inspect_err(|error| {
            tracing::debug!(
                plugin = %lease.terms().plugin,
                error = error as &dyn std::error::Error,
                "a request of a plugin failed"
            );
        })
}
