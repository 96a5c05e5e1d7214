//! Push, verify and probe.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use windlass_sdk::{
    Capabilities, DeviceState, Job, Receipt, Verification,
    http::{Address, Request, Response, Scheme, encode_text},
    prelude::*,
};

use crate::{Settings, answer};

/// The largest answer to a request for the version that is read.
const VERSION_ANSWER_LIMIT: usize = 64 * 1024;

/// The plugin `builtin:delivery-http`.
pub struct DeliveryHttp {
    settings: Settings,
}

impl Delivery for DeliveryHttp {
    type Settings = Settings;

    const CAPABILITIES: Capabilities = Capabilities::PROBES.union(Capabilities::VERIFIES);
    const SCHEMES: &'static [&'static str] = &["http", "https"];

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        let problems = settings.problems();
        if problems.is_empty() {
            Ok(Self { settings })
        } else {
            Err(problems)
        }
    }

    fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError> {
        let Job {
            device, release, ..
        } = job;
        let path = &self.settings.update_path;
        let digest = STANDARD.encode(&release.sha256);
        let response = self
            .request(self.settings.method.name(), device, path)?
            .header("Content-Type", release.media_type.as_str())
            .header("Repr-Digest", format!("sha-256=:{digest}:"))
            .header("X-Attempt-Id", job.attempt_id.to_string())
            .header("X-Device-Id", encode_text(&device.id))
            .header("X-Device-Name", encode_text(&device.name))
            .header("X-Release-Name", encode_text(&release.name))
            .header("X-Release-Version", encode_text(&release.version))
            .send_payload(payload)?;
        let delivered = match self.settings.expected_status {
            Some(expected) => response.status() == expected,
            None => answer::is_success(response.status()),
        };
        if !delivered {
            return Err(answer::refusal(response, self.settings.expected_status));
        }
        response.discard();
        Ok(Receipt::Delivered)
    }

    fn verify(&self, job: &Job) -> Result<Verification, DeliveryError> {
        let response = self.ask_version(&job.device)?;
        match response.status() {
            200..=299 => {}
            // Starting, installing, or asked too often.
            425 | 429 | 503 => {
                response.discard();
                return Ok(Verification::Busy);
            }
            // There is no such thing to ask.
            404 | 405 | 410 | 501 => {
                response.discard();
                return Ok(Verification::CannotTell);
            }
            _ => return Err(answer::refusal(response, None)),
        }
        let version = answer::version(&response.read(VERSION_ANSWER_LIMIT)?)?;
        Ok(if version == job.release.version {
            Verification::RunsRelease
        } else {
            Verification::RunsOther(version)
        })
    }

    fn probe(&self, device: &Device) -> Result<DeviceState, DeliveryError> {
        let state = |reachable, version| DeviceState {
            reachable,
            version,
            facts: Vec::new(),
        };
        let response = match self.ask_version(device) {
            Ok(response) => response,
            Err(DeliveryError::Unreachable(_)) => return Ok(state(false, None)),
            Err(error) => return Err(error),
        };
        match response.status() {
            200..=299 => {
                let body = response.read(VERSION_ANSWER_LIMIT)?;
                Ok(state(true, answer::version(&body).ok()))
            }
            401 | 403 => Err(answer::refusal(response, None)),
            _ => {
                response.discard();
                Ok(state(true, None))
            }
        }
    }
}

impl DeliveryHttp {
    fn ask_version(&self, device: &Device) -> Result<Response, DeliveryError> {
        self.request("GET", device, &self.settings.version_path)?
            .header("Accept", "application/json")
            .send()
    }

    fn request(&self, method: &str, device: &Device, path: &str) -> Result<Request, DeliveryError> {
        let address = Address::parse(&device.address)?;
        if address.scheme() == Scheme::Http && !self.settings.allow_plain_http {
            return Err(DeliveryError::other(format!(
                "{address} is not encrypted; give the device an https:// address, or set \
                 allow_plain_http = true in the plugin's settings"
            )));
        }
        let mut request = Request::new(method, &address, path);
        for (name, value) in &self.settings.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        Ok(request)
    }
}
