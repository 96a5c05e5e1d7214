//! A push as a resumable upload.
//!
//! "Careful creation" in the words of draft-ietf-httpbis-resumable-upload: interim
//! answers, which would name the upload while its bytes are already under way, do not
//! pass `wasi:http`.

mod checkpoint;
mod exchange;
mod fields;
mod location;

use windlass_sdk::{Job, Receipt, log, prelude::*};

use crate::DeliveryHttp;
use exchange::{Appended, State};

/// How often one attempt begins an upload: a device that forgot one is believed, one
/// that does it again is broken.
const MOST_CREATIONS: usize = 2;
/// How often one attempt asks again where to go on, after a device contradicted itself.
const MOST_CORRECTIONS: usize = 1;

impl DeliveryHttp {
    pub(crate) fn push_resumably(
        &self,
        job: &Job,
        payload: &Payload,
    ) -> Result<Receipt, DeliveryError> {
        self.address(&job.device)?;
        let mut state = match checkpoint::kept(job) {
            Some(location) => self.look(job, location)?,
            None => State::None,
        };
        let (mut creations, mut corrections) = (0, 0);
        loop {
            let upload = match state {
                State::Open(upload) => upload,
                // Only the answer was lost. Whether the device runs the release is for
                // `verify` to say; if it does not, the next attempt must send it again.
                State::Complete => {
                    log::info("the device holds the whole upload already");
                    checkpoint::clear();
                    return Ok(Receipt::Delivered);
                }
                State::None if creations == MOST_CREATIONS => {
                    return Err(DeliveryError::device_error(
                        "the device forgets its uploads while they are under way",
                    ));
                }
                State::None => {
                    creations += 1;
                    self.create(job)?
                }
            };
            if upload.offset > 0 {
                log::info(format!("going on at byte {}", upload.offset));
            }
            state = match self.append(job, payload, upload)? {
                Appended::Delivered => return Ok(Receipt::Delivered),
                Appended::Part(upload) => State::Open(upload),
                Appended::Gone => State::None,
                Appended::Elsewhere(_) if corrections == MOST_CORRECTIONS => {
                    return Err(DeliveryError::device_error(
                        "the device says how much of the upload it holds, and then that it \
                         is not so",
                    ));
                }
                Appended::Elsewhere(location) => {
                    corrections += 1;
                    self.look(job, location)?
                }
            };
        }
    }
}
