//! What an operator may set.

use std::collections::BTreeMap;

use windlass_sdk::{http::is_header_name, prelude::*};

/// Headers that the plugin or HTTP itself sets, in lower case.
const RESERVED: [&str; 16] = [
    "connection",
    "content-length",
    "content-type",
    "host",
    "repr-digest",
    "te",
    "transfer-encoding",
    "upload-complete",
    "upload-draft-interop-version",
    "upload-length",
    "upload-offset",
    "x-attempt-id",
    "x-device-id",
    "x-device-name",
    "x-release-name",
    "x-release-version",
];

/// Settings of `builtin:delivery-http`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", default, deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// Where a device takes releases, joined to its address.
    #[schemars(regex(pattern = "^/"))]
    pub update_path: String,
    /// Where a device tells its version as JSON, `{"version": "2.3.0"}`.
    #[schemars(regex(pattern = "^/"))]
    pub version_path: String,
    /// Further headers of every request. The plugin's own cannot be replaced.
    pub headers: BTreeMap<String, String>,
    /// The method of a push.
    pub method: Method,
    /// The one status that means delivered; any 2xx if it is not set.
    #[schemars(range(min = 200, max = 599))]
    pub expected_status: Option<u16>,
    /// Whether a push that broke goes on where it stopped. Devices must speak resumable
    /// uploads (draft-ietf-httpbis-resumable-upload).
    pub resume: bool,
    /// Whether devices with `http://` addresses are served, without encryption.
    pub allow_plain_http: bool,
}

/// The methods that carry a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "UPPERCASE")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum Method {
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            update_path: "/update".to_owned(),
            version_path: "/version".to_owned(),
            headers: BTreeMap::new(),
            method: Method::Post,
            expected_status: None,
            resume: false,
            allow_plain_http: false,
        }
    }
}

impl Settings {
    /// What the schema cannot say.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let paths = [
            ("/update_path", &self.update_path),
            ("/version_path", &self.version_path),
        ];
        let paths = paths
            .into_iter()
            .filter_map(|(place, path)| check_path(place, path));
        let headers = self
            .headers
            .iter()
            .filter_map(|(name, value)| check_header(name, value));
        let status = self
            .expected_status
            .filter(|status| !(200..600).contains(status))
            .map(|status| {
                Problem::setting("/expected_status", format!("{status} ends no request"))
                    .hint("a status from 200 to 599")
            });
        paths.chain(headers).chain(status).collect()
    }
}

fn check_path(place: &str, path: &str) -> Option<Problem> {
    if !path.starts_with('/') {
        let problem = Problem::setting(place, "a path begins with a slash");
        return Some(problem.hint(format!("write \"/{path}\"")));
    }
    let plain = path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    (!plain).then(|| {
        Problem::setting(place, "a path holds visible ASCII characters without #")
            .hint("percent-encode the others, such as %20 for a space")
    })
}

fn check_header(name: &str, value: &str) -> Option<Problem> {
    let place = format!("/headers/{}", name.replace('~', "~0").replace('/', "~1"));
    if !is_header_name(name) {
        return Some(Problem::setting(
            place,
            format!("{name:?} is no header name"),
        ));
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        let message = format!("{name} is set by the plugin itself");
        return Some(Problem::setting(place, message).hint("leave it out"));
    }
    let visible = value
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic());
    // Without the value, which may be a secret.
    (!visible).then(|| {
        Problem::setting(
            place,
            format!("the value of {name} holds more than visible ASCII"),
        )
    })
}
