//! A delivery that traps in the middle of every body, after a number of bytes that depends
//! on the attempt, so that every cut point comes up.

use windlass_sdk::{
    Job, Receipt,
    http::{Address, Request},
    prelude::*,
};

/// How its bodies look on the wire.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
struct Settings {
    /// Send without `Content-Length`.
    chunked: bool,
}

struct Trapping {
    chunked: bool,
}

impl Delivery for Trapping {
    type Settings = Settings;
    const SCHEMES: &'static [&'static str] = &["http"];

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self { chunked: settings.chunked })
    }

    fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError> {
        let size = payload.size();
        // With a length, all bytes would make a whole body whoever sends them; without one, what
        // ends a body is the last chunk, and even a guest that wrote every byte has not sent that.
        let most = if self.chunked { size + 1 } else { size };
        let cut = u64::from(job.attempt_id) * 7919 % most;
        let address = Address::parse(&job.device.address)?;
        let mut stream = payload.open(0, size)?;
        let request = Request::new("POST", &address, "/update").header("X-Release-Version", &job.release.version);
        let length = (!self.chunked).then_some(size);
        request.send_body(length, |body| {
            let mut left = cut;
            while left > 0 {
                left -= body.splice(&mut stream, left)?;
            }
            panic!("trapped after {cut} bytes");
        })?;
        Ok(Receipt::Delivered)
    }
}

windlass_sdk::export!(delivery: Trapping);
