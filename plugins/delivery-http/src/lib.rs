//! Delivers a release by one HTTP request, and asks a device for its version by
//! another.
//!
//! ```text
//! POST {address}{update_path}             GET {address}{version_path}
//! Content-Type: application/octet-stream
//! Content-Length: 16777216                200 {"version": "2.3.0"}
//! Repr-Digest: sha-256=:…:
//! X-Attempt-Id: 7
//! X-Device-Id: pos-1
//! X-Device-Name: Kasse K%C3%B6ln
//! X-Release-Name: pos-app
//! X-Release-Version: 2.3.0
//! ```
//!
//! The payload is passed through by the host and never enters the plugin. Text in
//! headers is percent-encoded where HTTP cannot hold it (and only there), see
//! [`encode_text`](windlass_sdk::http::encode_text).
//!
//! | answer to the push | means |
//! |---|---|
//! | 2xx, or exactly `expected_status` if that is set | delivered |
//! | 408, 425, 429, 5xx | tried again, not before `Retry-After` if one is given |
//! | 401, 403 | unauthorized |
//! | 3xx | rejected: redirects are not followed |
//! | anything else | rejected |
//!
//! With `resume` a push is a resumable upload
//! (draft-ietf-httpbis-resumable-upload) instead: it is created without a byte of the
//! payload, so that the answer tells where the bytes go. That place is the checkpoint,
//! and the next attempt sends only what the device says it lacks.
//!
//! ```text
//! POST {address}{update_path}             201, Location: /uploads/9
//! Upload-Complete: ?0, Upload-Length: 16777216, and the headers above
//!
//! PATCH {address}/uploads/9               Upload-Offset: 0, Upload-Complete: ?1
//!
//! HEAD {address}/uploads/9                204, Upload-Offset: 9437184
//! PATCH {address}/uploads/9               Upload-Offset: 9437184, Upload-Complete: ?1
//! ```

mod answer;
mod delivery;
mod resume;
mod retry_after;
mod settings;

pub use delivery::DeliveryHttp;
pub use settings::{Method, Settings};

windlass_sdk::export!(delivery: DeliveryHttp);
