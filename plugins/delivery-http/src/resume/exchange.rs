//! The requests of a resumable upload, and what their answers mean.

use windlass_sdk::{
    Job,
    http::{Address, Request, Response},
    log,
    prelude::*,
};

use super::{
    checkpoint,
    fields::{self, INTEROP_VERSION},
    location::Location,
};
use crate::{DeliveryHttp, answer, delivery::identify};

/// An upload under way.
pub(super) struct Upload {
    pub(super) location: Location,
    /// How many bytes the device holds.
    pub(super) offset: u64,
    /// How many it takes in one request, if it sets a limit.
    pub(super) most_at_once: Option<u64>,
}

/// What is known of an upload.
pub(super) enum State {
    Open(Upload),
    Complete,
    /// There is none, or one that cannot be this one.
    None,
}

/// What became of bytes that were sent.
pub(super) enum Appended {
    Delivered,
    /// The device took all that it takes at once.
    Part(Upload),
    /// It holds another number of bytes than it said.
    Elsewhere(Location),
    Gone,
}

impl DeliveryHttp {
    /// Creates an upload on the device, without a byte of the payload.
    pub(super) fn create(&self, job: &Job) -> Result<Upload, DeliveryError> {
        let request = self
            .announce(job)?
            .header("Upload-Complete", "?0")
            .header("Upload-Length", job.release.size.to_string());
        let response = send_nothing(draft(request))?;
        if !answer::is_success(response.status()) {
            return Err(not_created(response));
        }
        // A device that takes no notice of the headers took an empty release for one.
        let location = response.header("Location");
        let Some(location) = location.filter(|_| fields::complete(&response) != Some(true)) else {
            let status = response.status();
            response.discard();
            return Err(DeliveryError::incompatible(format!(
                "the device answered {status} without the place of an upload, so it does not \
                 speak resumable uploads; set resume = false in the plugin's settings"
            )));
        };
        let address = &job.device.address;
        let location = Location::resolve(&location, address, &self.settings.update_path)?;
        if let Some(most) = fields::limit(&response, "max-size")
            && most < job.release.size
        {
            return Err(DeliveryError::rejected(format!(
                "the device takes at most {most} bytes, and the release has {}",
                job.release.size
            )));
        }
        let most_at_once = most_at_once(&response);
        response.discard();
        checkpoint::keep(job, &location);
        Ok(Upload {
            location,
            offset: 0,
            most_at_once,
        })
    }

    /// Asks how much of an upload the device holds.
    pub(super) fn look(&self, job: &Job, location: Location) -> Result<State, DeliveryError> {
        let response = self.at(&location, "HEAD")?.send()?;
        match response.status() {
            200..=299 => {}
            401 | 403 | 408 | 425 | 429 | 300..=399 | 500..=599 => {
                return Err(answer::refusal(response, None));
            }
            _ => {
                response.discard();
                log::info("the device has forgotten the last attempt's upload");
                return Ok(State::None);
            }
        }
        let size = job.release.size;
        let length = fields::integer(&response, "Upload-Length").unwrap_or(size);
        let complete = fields::complete(&response) == Some(true);
        let state = match fields::integer(&response, "Upload-Offset") {
            Some(offset) if length != size || offset > size || complete && offset < size => {
                log::warn(format!(
                    "the upload that the device remembers holds {offset} bytes of {length}, so \
                     it is not this one"
                ));
                State::None
            }
            Some(_) if complete => State::Complete,
            Some(offset) => State::Open(Upload {
                location,
                offset,
                most_at_once: most_at_once(&response),
            }),
            None => {
                log::warn("the device does not say how much it holds of the upload");
                State::None
            }
        };
        response.discard();
        Ok(state)
    }

    /// Sends the bytes that the device lacks, or as many as it takes at once.
    pub(super) fn append(
        &self,
        job: &Job,
        payload: &Payload,
        mut upload: Upload,
    ) -> Result<Appended, DeliveryError> {
        let rest = job.release.size - upload.offset;
        let length = upload.most_at_once.map_or(rest, |most| rest.min(most));
        let last = length == rest;
        let request = self
            .at(&upload.location, "PATCH")?
            .header("Content-Type", "application/partial-upload")
            .header("Upload-Offset", upload.offset.to_string())
            .header("Upload-Complete", if last { "?1" } else { "?0" });
        let request = identify(request, job);
        let response = if length == 0 {
            send_nothing(request)?
        } else {
            request.send_range(payload, upload.offset, length)?
        };
        // Then it is the release that is answered, and no longer the upload.
        let of_release = fields::complete(&response) == Some(true);
        match response.status() {
            404 | 410 if !of_release => {
                response.discard();
                Ok(Appended::Gone)
            }
            409 if !of_release => {
                response.discard();
                Ok(Appended::Elsewhere(upload.location))
            }
            200..=299 if !last => {
                response.discard();
                upload.offset += length;
                Ok(Appended::Part(upload))
            }
            status if last && self.succeeded(status) => {
                if fields::complete(&response) == Some(false) {
                    response.discard();
                    return Err(DeliveryError::device_error(
                        "the device took the last byte and says that the upload goes on",
                    ));
                }
                response.discard();
                checkpoint::clear();
                Ok(Appended::Delivered)
            }
            status => {
                // What remains true of the bytes that the device holds is worth keeping.
                let may_go_on = matches!(status, 401 | 403 | 408 | 425 | 429 | 500..=599);
                if of_release || !may_go_on {
                    checkpoint::clear();
                }
                let expected = self.settings.expected_status.filter(|_| last);
                Err(answer::refusal(response, expected))
            }
        }
    }

    /// A request for an upload.
    fn at(&self, upload: &Location, method: &'static str) -> Result<Request, DeliveryError> {
        let origin = upload.origin();
        let address = Address::parse(&origin)?;
        Ok(draft(self.request_at(method, &address, &upload.path())))
    }
}

fn draft(request: Request) -> Request {
    let (name, value) = INTEROP_VERSION;
    request.header(name, value)
}

/// Sends a body of no bytes, which is not the same as no body.
fn send_nothing(request: Request) -> Result<Response, DeliveryError> {
    request.header("Content-Length", "0").send()
}

fn most_at_once(response: &Response) -> Option<u64> {
    // Nothing at all would never end.
    fields::limit(response, "max-append-size").filter(|most| *most > 0)
}

/// A refusal to create an upload may be one of the release, or of uploads as such.
fn not_created(response: Response) -> DeliveryError {
    match answer::refusal(response, None) {
        DeliveryError::Rejected(why) => DeliveryError::rejected(format!(
            "{why}; if the device does not speak resumable uploads, set resume = false in the \
             plugin's settings"
        )),
        other => other,
    }
}
