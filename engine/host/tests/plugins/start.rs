use std::num::NonZeroUsize;

use windlass_host::{Host, HostConfig, Limits, StartError};

#[test]
fn a_concurrency_that_the_machine_cannot_bear_is_refused_at_the_start() {
    let start = |concurrency| {
        Host::start(HostConfig {
            concurrency: NonZeroUsize::new(concurrency).expect("it is not zero"),
            cache_dir: None,
            limits: Limits::default(),
        })
        .err()
        .expect("no machine bears it")
    };
    assert!(matches!(
        start(usize::MAX),
        StartError::Concurrency { most, .. } if most < usize::MAX
    ));
    // Which one is short first depends on the machine.
    let error = start(1 << 20);
    assert!(
        matches!(
            error,
            StartError::Maps { .. } | StartError::Files { .. } | StartError::Engine { .. }
        ),
        "{error}"
    );
}
