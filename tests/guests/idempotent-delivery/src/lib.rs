//! A delivery to devices that take a release twice without harm and never tell what they run.

use windlass_sdk::{
    Capabilities, Job, Receipt, Verification,
    http::{Address, Request},
    prelude::*,
};

#[derive(Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
struct Settings {}

struct Idempotent;

impl Delivery for Idempotent {
    type Settings = Settings;
    const CAPABILITIES: Capabilities = Capabilities::VERIFIES.union(Capabilities::IDEMPOTENT_PUSH);
    const SCHEMES: &'static [&'static str] = &["http"];

    fn open(_: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self)
    }

    fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError> {
        let address = Address::parse(&job.device.address)?;
        let request = Request::new("POST", &address, "/update")
            .header("X-Attempt-Id", job.attempt_id.to_string())
            .header("X-Release-Version", &job.release.version);
        request.send_payload(payload)?.discard();
        Ok(Receipt::Delivered)
    }

    fn verify(&self, _: &Job) -> Result<Verification, DeliveryError> {
        Ok(Verification::CannotTell)
    }
}

windlass_sdk::export!(delivery: Idempotent);
