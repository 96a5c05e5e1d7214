use url::Url;

use super::value::Misfit;
use crate::diagnostic::quote;

/// An address names its protocol and its host, and carries no password: addresses are
/// written into events and logs.
pub(super) fn check(address: &str) -> Result<(), Misfit> {
    let Some((_, rest)) = address.split_once("://") else {
        let host = address.trim_start_matches('/');
        return Err(Misfit::new(format!("{} has no scheme", quote(address)))
            .help(format!("write {}", quote(&format!("https://{host}")))));
    };
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(Misfit::new(format!("{} has no host", quote(address))));
    }
    match Url::parse(address) {
        Ok(url) if url.password().is_some() => Err(Misfit::new("there is a password in it")
            .secret()
            .help("give secrets to the delivery, not to the address")),
        Ok(url) if url.host_str().is_none_or(str::is_empty) => {
            Err(Misfit::new(format!("{} has no host", quote(address))))
        }
        Ok(_) => Ok(()),
        Err(cause) => Err(Misfit::new(format!("{}: {cause}", quote(address)))),
    }
}
