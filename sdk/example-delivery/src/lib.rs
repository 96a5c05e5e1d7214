//! Delivers a release as length-prefixed frames in the body of a `PUT`; the README has
//! the format.

use windlass_sdk::{
    Capabilities, Job, Receipt,
    http::{Address, Body, Request},
    job,
    payload::CHUNK,
    prelude::*,
};

/// The largest frame that a device has to take, in bytes.
const FRAME_LIMIT: u32 = 1024 * 1024;

/// What an operator may set.
#[derive(Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", default, deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// Where a device takes frames, joined to its address.
    path: String,
    /// Bytes in a frame, 1 to 1048576; the last one may be shorter.
    frame: u32,
    /// Bytes to XOR the payload with, as hexadecimal digits; none to send it as it is.
    key: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            path: "/frames".to_owned(),
            frame: 256 * 1024,
            key: None,
        }
    }
}

/// The plugin, opened with its settings.
pub struct Frames {
    path: String,
    frame: u32,
    /// Never empty if there is one.
    key: Option<Vec<u8>>,
}

impl Delivery for Frames {
    type Settings = Settings;

    // A device takes a release whole or not at all, so twice does no harm.
    const CAPABILITIES: Capabilities = Capabilities::IDEMPOTENT_PUSH;
    const SCHEMES: &'static [&'static str] = &["http", "https"];

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        if !settings.path.starts_with('/') {
            let hint = format!("write \"/{}\"", settings.path);
            problems.push(Problem::setting("/path", "a path begins with a slash").hint(hint));
        }
        if !(1..=FRAME_LIMIT).contains(&settings.frame) {
            let message = format!("a frame has 1 to {FRAME_LIMIT} bytes");
            problems.push(Problem::setting("/frame", message));
        }
        let key = settings.key.as_deref().map(hexadecimal);
        if key == Some(None) {
            let problem = Problem::setting("/key", "the key is no whole number of bytes");
            problems.push(problem.hint("two hexadecimal digits for each, such as \"5aff\""));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        Ok(Self {
            path: settings.path,
            frame: settings.frame,
            key: key.flatten(),
        })
    }

    fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError> {
        let address = Address::parse(&job.device.address)?;
        let response = Request::new("PUT", &address, &self.path)
            .header("Content-Type", "application/vnd.windlass.frames")
            .header("X-Attempt-Id", job.attempt_id.to_string())
            .send_body(None, |body| {
                self.frames(payload, body)?;
                body.write(&0_u32.to_be_bytes())?;
                body.write(&payload.sha256())
            })?;
        match response.status() {
            200..=299 => {
                response.discard();
                Ok(Receipt::Delivered)
            }
            // The device's own digest differs from the one after the last frame.
            422 => Err(DeliveryError::corrupt(response.excerpt(200))),
            status @ 500..=599 => Err(DeliveryError::device_error(format!(
                "the device answered {status}"
            ))),
            status => Err(DeliveryError::rejected(format!(
                "the device answered {status}"
            ))),
        }
    }
}

impl Frames {
    fn frames(&self, payload: &Payload, body: &mut Body) -> Result<(), DeliveryError> {
        let size = payload.size();
        let mut sent = 0;
        while sent < size {
            let length = u64::from(self.frame).min(size - sent);
            // At most FRAME_LIMIT, so the cast keeps it.
            body.write(&(length as u32).to_be_bytes())?;
            let mut stream = payload.open(sent, length)?;
            match &self.key {
                // The bytes go from the host's buffers to the connection.
                None => while body.splice(&mut stream, length)? > 0 {},
                // The bytes come here, are changed, and go out again.
                Some(key) => body.transform(&mut stream, |start, chunk| {
                    debug_assert!(chunk.len() <= CHUNK);
                    xor(chunk, key, sent + start);
                })?,
            }
            sent += length;
            // The host counts bytes on the wire, which are not the payload's here.
            job::report(sent);
        }
        Ok(())
    }
}

/// XORs bytes that begin at `position` of the payload.
fn xor(bytes: &mut [u8], key: &[u8], position: u64) {
    let start = position % key.len() as u64;
    // Less than the key's length, so the cast keeps it.
    let key = key.iter().cycle().skip(start as usize);
    for (byte, key) in bytes.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// At least one byte, or none if the text is no hexadecimal number of whole bytes.
fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&text[start..start + 2], 16).ok())
        .collect()
}

windlass_sdk::export!(delivery: Frames);
