//! Where an upload's bytes go.

use std::fmt;

use fluent_uri::{Uri, UriRef, normalize::Normalizer, resolve::Resolver};
use windlass_sdk::DeliveryError;

/// An upload's URL, below the address of the device that named it.
pub(super) struct Location(Uri<String>);

impl Location {
    /// Resolves a `Location` header against the URL of the request that it answers.
    ///
    /// # Errors
    /// If it is no URL, or not below `address`: a device may not send a release on to
    /// somebody else, and behind a gateway its neighbour is somebody else.
    pub(super) fn resolve(
        location: &str,
        address: &str,
        update_path: &str,
    ) -> Result<Self, DeliveryError> {
        let place = UriRef::parse(location).map_err(|error| {
            DeliveryError::device_error(format!(
                "the device names {location:?} as the place of its upload, which is no URL: {error}"
            ))
        })?;
        let request = format!("{}{update_path}", address.trim_end_matches('/'));
        let request = normal(&request).ok_or_else(|| unfit(address))?;
        let resolved = Resolver::with_base(request)
            .resolve(&place)
            .map_err(|_| unfit(address))?;
        let upload = Self::normal(resolved.as_str())
            .filter(|upload| upload.is_below(address))
            .ok_or_else(|| {
                DeliveryError::rejected(format!(
                    "the device wants the upload at {location:?}, which is not below its \
                     address {address}; have it name a path of its own, or set resume = false"
                ))
            })?;
        Ok(upload)
    }

    /// Takes a URL up again that [`Display`](fmt::Display) gave. None if it is not
    /// below the device's address, which may have changed meanwhile.
    pub(super) fn again(url: &str, address: &str) -> Option<Self> {
        Self::normal(url).filter(|upload| upload.is_below(address))
    }

    /// In the one form in which what is checked is what is asked for: no dot segments,
    /// no default port, nothing encoded that need not be, no fragment.
    fn normal(url: &str) -> Option<Self> {
        let mut url = normal(url)?;
        url.set_fragment(None);
        Some(Self(url))
    }

    fn is_below(&self, address: &str) -> bool {
        let Some(address) = normal(address) else {
            return false;
        };
        let same_host = self.0.scheme() == address.scheme()
            && self.0.authority().map(|found| found.as_str())
                == address.authority().map(|wanted| wanted.as_str());
        let prefix = address.path().as_str().trim_end_matches('/');
        let rest = self.0.path().as_str().strip_prefix(prefix);
        same_host && rest.is_some_and(|rest| rest.starts_with('/'))
    }

    /// Scheme and host, to be joined with [`path`](Self::path).
    pub(super) fn origin(&self) -> String {
        let authority = self.0.authority().map_or("", |found| found.as_str());
        format!("{}://{authority}", self.0.scheme())
    }

    /// Path and query.
    pub(super) fn path(&self) -> String {
        let path = self.0.path();
        match self.0.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_string(),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

fn normal(url: &str) -> Option<Uri<String>> {
    let url = Uri::parse(url).ok()?;
    Normalizer::new().normalize(&url).ok()
}

fn unfit(address: &str) -> DeliveryError {
    DeliveryError::other(format!(
        "address {address:?} and update_path make no URL that an upload's place can be \
         told from"
    ))
}
