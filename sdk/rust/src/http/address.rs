//! Device addresses: `http://` and `https://` URLs, taken apart without a copy.

use std::fmt;

use crate::DeliveryError;

/// How an address is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// In the clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    fn prefix(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    /// What follows this scheme in `url`, if it begins with it.
    fn strip(self, url: &str) -> Option<&str> {
        let (begun, rest) = url.split_at_checked(self.prefix().len())?;
        begun.eq_ignore_ascii_case(self.prefix()).then_some(rest)
    }
}

/// A device's address: scheme, host with optional port, and an optional path in front
/// of every path asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    scheme: Scheme,
    authority: &'a str,
    prefix: &'a str,
}

impl<'a> Address<'a> {
    /// Takes a URL apart. Slashes at the end are dropped, so that joining a path
    /// never doubles one.
    ///
    /// # Errors
    /// [`DeliveryError::Other`] for another scheme, a missing host, a user name or
    /// password, a query, a fragment, or characters that a URL cannot hold: the
    /// operator has to change the address, so trying again does not help.
    pub fn parse(text: &'a str) -> Result<Self, DeliveryError> {
        let refuse = |why: &str| Err(DeliveryError::other(format!("address {text:?} {why}")));
        let schemes = [Scheme::Https, Scheme::Http].into_iter();
        let mut known = schemes.filter_map(|scheme| Some((scheme, scheme.strip(text)?)));
        let Some((scheme, rest)) = known.next() else {
            return refuse(if text.contains("://") {
                "is neither http:// nor https://"
            } else {
                "has no scheme; write http:// or https:// in front"
            });
        };
        let mut slash = rest.len();
        let mut is_joinable = true;
        for (index, byte) in rest.bytes().enumerate() {
            match byte {
                b'/' => slash = slash.min(index),
                b'?' | b'#' => is_joinable = false,
                b'!'..=b'~' => {}
                _ => return refuse("holds a character that a URL cannot hold"),
            }
        }
        if !is_joinable {
            return refuse("has a query or fragment, which paths cannot be joined to");
        }
        let (authority, prefix) = rest.split_at(slash);
        if authority.is_empty() || authority.starts_with(':') {
            return refuse("names no host");
        }
        if authority.contains('@') {
            // Not with the address in it, for that holds the password.
            return Err(DeliveryError::other(
                "the address holds a user name; credentials belong into the plugin's settings",
            ));
        }
        Ok(Self {
            scheme,
            authority,
            prefix: prefix.trim_end_matches('/'),
        })
    }

    /// Whether it is spoken to in the clear or over TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The URL of `path` below it. It has a path of at least a slash.
    pub(super) fn join(&self, path: &str) -> String {
        let slash = if path.starts_with('/') { "" } else { "/" };
        let scheme = self.scheme.prefix();
        [scheme, self.authority, self.prefix, slash, path].concat()
    }
}

impl fmt::Display for Address<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.prefix();
        write!(formatter, "{scheme}{}{}", self.authority, self.prefix)
    }
}
