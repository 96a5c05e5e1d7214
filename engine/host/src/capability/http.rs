use std::sync::Arc;

use http::Request;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::{
    egress::{Egress, Timeouts},
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
}

type Exchange = Result<
    (
        http::Response<WasiBody>,
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
            let timeouts = Timeouts::new(&lease, options.as_ref());
            match egress.send(&lease, request, timeouts).await {
                Ok(response) => {
                    let connection: Box<dyn Future<Output = Result<(), Error>> + Send> =
                        Box::new(std::future::ready(Ok(())));
                    Ok((response, connection))
                }
                Err(error) => {
                    tracing::debug!(
                        plugin = %lease.terms().plugin,
                        error = &error as &dyn std::error::Error,
                        "a request of a plugin failed"
                    );
                    Err(error.into())
                }
            }
        })
    }
}
