//! Push, verify and probe.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use windlass_sdk::{
    Capabilities, DeviceFields, DeviceState, Job, Projection, Receipt, Verification,
    http::{Address, Request, Response, Scheme, encode_text},
    prelude::*,
};

use crate::{Settings, answer};

/// The largest answer to a request for the version that is read.
const VERSION_ANSWER_LIMIT: usize = 64 * 1024;

/// The plugin `builtin:delivery-http`.
pub struct DeliveryHttp {
    pub(crate) settings: Settings,
}

impl Delivery for DeliveryHttp {
    type Settings = Settings;

    const CAPABILITIES: Capabilities = Capabilities::PROBES
        .union(Capabilities::VERIFIES)
        .union(Capabilities::RESUMES);
    const SCHEMES: &'static [&'static str] = &["http", "https"];

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        let problems = settings.problems();
        if problems.is_empty() {
            Ok(Self { settings })
        } else {
            Err(problems)
        }
    }

    fn reads(&self) -> Projection {
        Projection::of(DeviceFields::NAME | DeviceFields::ADDRESS)
    }

    fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError> {
        if self.settings.resume {
            return self.push_resumably(job, payload);
        }
        let response = self.announce(job)?.send_payload(payload)?;
        if !self.succeeded(response.status()) {
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

    /// The request that a push begins with, but for what it carries.
    pub(crate) fn announce(&self, job: &Job) -> Result<Request, DeliveryError> {
        let release = &job.release;
        let digest = STANDARD.encode(&release.sha256);
        let (method, path) = (self.settings.method.name(), &self.settings.update_path);
        let request = self
            .request(method, &job.device, path)?
            .header("Content-Type", release.media_type.as_str())
            .header("Repr-Digest", ["sha-256=:", &digest, ":"].concat());
        Ok(identify(request, job))
    }

    /// Whether this status of the last answer to a push means delivered.
    pub(crate) fn succeeded(&self, status: u16) -> bool {
        match self.settings.expected_status {
            Some(expected) => status == expected,
            None => answer::is_success(status),
        }
    }

    /// The device's address, if the settings let it be spoken to.
    pub(crate) fn address<'a>(&self, device: &'a Device) -> Result<Address<'a>, DeliveryError> {
        let address = Address::parse(&device.address)?;
        if address.scheme() == Scheme::Http && !self.settings.allow_plain_http {
            return Err(DeliveryError::other(format!(
                "{address} is not encrypted; give the device an https:// address, or set \
                 allow_plain_http = true in the plugin's settings"
            )));
        }
        Ok(address)
    }

    fn request(
        &self,
        method: &'static str,
        device: &Device,
        path: &str,
    ) -> Result<Request, DeliveryError> {
        Ok(self.request_at(method, &self.address(device)?, path))
    }

    /// A request with the headers that the operator set.
    pub(crate) fn request_at(
        &self,
        method: &'static str,
        address: &Address<'_>,
        path: &str,
    ) -> Request {
        let mut request = Request::new(method, address, path);
        for (name, value) in &self.settings.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        request
    }
}

/// Says which attempt brings what to whom.
pub(crate) fn identify(request: Request, job: &Job) -> Request {
    let Job {
        device, release, ..
    } = job;
    request
        .header("X-Attempt-Id", job.attempt_id.to_string())
        .header("X-Device-Id", encode_text(&device.id))
        .header("X-Device-Name", encode_text(&device.name))
        .header("X-Release-Name", encode_text(&release.name))
        .header("X-Release-Version", encode_text(&release.version))
}
