use std::io;

use super::Cause;

/// Why the host cannot start. Those that name a limit say what to type.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The kernel allows too few memory maps.
    #[error(
        "{instances} plugin instances need about {needed} memory maps, and vm.max_map_count \
         is {allowed}; type `sysctl -w vm.max_map_count={needed}` or lower the concurrency"
    )]
    Maps {
        /// Instances that may run at once.
        instances: u32,
        /// Maps that they need.
        needed: u64,
        /// Maps that the kernel allows.
        allowed: u64,
    },
    /// The process may open too few files.
    #[error(
        "a concurrency of {concurrency} needs about {needed} file descriptors, and the hard \
         limit is {allowed}; type `ulimit -Hn {needed}` (or set LimitNOFILE={needed} in the \
         systemd unit) or lower the concurrency"
    )]
    Files {
        /// Deliveries at once.
        concurrency: usize,
        /// Descriptors that they need.
        needed: u64,
        /// Descriptors that the process may have.
        allowed: u64,
    },
    /// More instances than the engine can address.
    #[error("a concurrency of {concurrency} is more than the {most} that one engine can serve")]
    Concurrency {
        /// Deliveries at once.
        concurrency: usize,
        /// The highest possible.
        most: usize,
    },
    /// The WebAssembly engine refused its configuration: mostly too little address space.
    #[error(
        "memory for {instances} plugin instances cannot be reserved; lower the concurrency, or \
         lift the limit on address space (`ulimit -v unlimited`)"
    )]
    Engine {
        /// Instances that may run at once.
        instances: u32,
        /// What the engine said.
        #[source]
        cause: Cause,
    },
    /// Threads could not be started.
    #[error("the threads that plugins run on cannot be started")]
    Threads(#[source] io::Error),
    /// The directory for compiled components cannot be used.
    #[error("the cache directory {} cannot be used", path.display())]
    Cache {
        /// The directory.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}
