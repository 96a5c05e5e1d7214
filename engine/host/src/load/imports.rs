use super::identify::split;
use crate::{Kind, LoadError};

/// What the standard libraries of languages drag in, whether or not a plugin uses it.
const EVERY_KIND: [&str; 21] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure",
    "wasi:random/insecure-seed",
    "wasi:random/random",
    "windlass:plugin/types",
];

/// What deliveries may import besides: the job in hand, and the network within its lease.
const DELIVERY: [&str; 12] = [
    "wasi:http/outgoing-handler",
    "wasi:http/types",
    "wasi:sockets/instance-network",
    "wasi:sockets/ip-name-lookup",
    "wasi:sockets/network",
    "wasi:sockets/tcp",
    "wasi:sockets/tcp-create-socket",
    "wasi:sockets/udp",
    "wasi:sockets/udp-create-socket",
    "windlass:plugin/exchange",
    "windlass:plugin/job",
    "windlass:plugin/payload",
];

/// Refuses a component that wants more than its kind may have.
pub(super) fn check(kind: Kind, imports: &[String]) -> Result<(), LoadError> {
    let forbidden: Vec<String> = imports
        .iter()
        .filter(|import| !may_import(kind, import))
        .cloned()
        .collect();
    if forbidden.is_empty() {
        Ok(())
    } else {
        Err(LoadError::ForbiddenImports {
            kind,
            imports: forbidden,
        })
    }
}

fn may_import(kind: Kind, import: &str) -> bool {
    let (interface, version) = split(import);
    let is_known_version =
        version.is_empty() || interface.starts_with("windlass:") || version.starts_with("0.2.");
    let is_listed = EVERY_KIND.contains(&interface)
        || (kind == Kind::Delivery && DELIVERY.contains(&interface));
    is_known_version && is_listed
}
