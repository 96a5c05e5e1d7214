use std::time::Duration;

use windlass_host::{Limits, MemoryBound, PluginErrorKind};
use windlass_model::Timestamp;

use crate::{
    guest::filter,
    support::{device, host, host_with, open_filter},
};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

#[tokio::test]
async fn an_endless_loop_ends_with_its_cpu_time_and_the_engine_goes_on() {
    let limits = Limits {
        call_cpu: Duration::from_millis(50),
        ..Limits::default()
    };
    let host = host_with(2, limits);
    let endless = open_filter(&host, filter("", "(loop (br 0)) (unreachable)")).await;
    let good = open_filter(&host, filter("", "(call $answer (i32.const 1))")).await;
    let devices = [device("d1", "http://127.0.0.1")];

    let error = endless
        .matches(NOW, &devices)
        .await
        .expect_err("it never returns");
    insta::assert_snapshot!(error, @"plugin `test` used more than 50.2ms of CPU time in `matches`");

    // As many spinners as there are guest threads leave room for others.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let spinners: Vec<_> = (0..cores)
        .map(|_| {
            let (endless, devices) = (endless.clone(), devices.clone());
            tokio::spawn(async move { endless.matches(NOW, &devices).await })
        })
        .collect();
    let answer = good.matches(NOW, &devices).await;
    assert_eq!(answer.expect("it is a good filter"), [false]);
    for spinner in spinners {
        let end = spinner.await.expect("the host does not panic");
        assert!(matches!(
            end.expect_err("it never returns").kind,
            PluginErrorKind::CpuTime { .. }
        ));
    }
}

/// proc_pid_stat(5): a thread's scheduling policy is the 39th field behind its name.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn guests_give_way_to_all_other_threads() {
    const POLICY: usize = 38;
    const BATCH: &str = "3";
    let host = host();
    let policies = || -> Vec<String> {
        let tasks = std::fs::read_dir("/proc/self/task").expect("a process has threads");
        tasks
            // A thread may have ended meanwhile.
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
            .filter_map(|stat| {
                let (name, rest) = stat.rsplit_once(") ")?;
                let is_guest = name.ends_with("(windlass-guest");
                is_guest.then(|| rest.split(' ').nth(POLICY).unwrap_or_default().to_owned())
            })
            .collect()
    };
    let all_give_way = async {
        while policies().is_empty() || policies().iter().any(|policy| policy != BATCH) {
            tokio::task::yield_now().await;
        }
    };
    // Threads say so themselves when they begin.
    let waited = tokio::time::timeout(Duration::from_secs(60), all_give_way).await;
    assert!(waited.is_ok(), "policies: {:?}", policies());
    drop(host);
}

#[tokio::test]
async fn work_beside_the_sockets_outlives_the_host_that_began_it() {
    let host = host();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let work = host.beside_sockets(async move {
        gone.await.expect("it is told to go on");
        // Timers are alive too.
        tokio::time::sleep(Duration::from_millis(1)).await;
        std::thread::current().name().map(str::to_owned)
    });

    drop(host);
    go.send(()).expect("it still waits");
    let thread = work.await.expect("nobody ended it");
    assert_eq!(thread.as_deref(), Some("windlass-io"));
}

#[tokio::test]
async fn after_a_trap_the_next_call_gets_a_fresh_instance() {
    let host = host();
    // It traps at every second call of an instance.
    let moody = filter(
        "(global $calls (mut i32) (i32.const 0))",
        "(if (global.get $calls) (then (unreachable)))
         (global.set $calls (i32.const 1))
         (call $answer (i32.const 1))",
    );
    let moody = open_filter(&host, moody).await;
    let devices = [device("d1", "http://127.0.0.1")];
    let mut said = Vec::new();
    for _ in 0..3 {
        let answer = moody.matches(NOW, &devices).await;
        assert_eq!(answer.expect("a fresh instance answers"), [false]);
        let error = moody.matches(NOW, &devices).await.expect_err("it traps");
        said.push(error.summary());
    }
    said.dedup();
    insta::assert_snapshot!(said.join("\n"), @"plugin `test` trapped in `matches`: wasm trap: wasm `unreachable` instruction executed");
}

#[tokio::test]
async fn a_guest_that_grows_without_end_is_denied_memory() {
    let host = host();
    let greedy = filter(
        "",
        "(loop (br_if 0 (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
         (unreachable)",
    );
    let greedy = open_filter(&host, greedy).await;
    let error = greedy
        .matches(NOW, &[device("d1", "http://127.0.0.1")])
        .await
        .expect_err("it gives up");
    assert_eq!(
        error.kind,
        PluginErrorKind::Memory(MemoryBound::Instance(64 << 20))
    );
    insta::assert_snapshot!(error, @"plugin `test` ran out of memory in `matches`: it may have 64 MiB");
}

#[tokio::test]
async fn all_guests_together_draw_on_one_pool_of_memory() {
    let limits = Limits {
        host_memory: 4 << 20,
        ..Limits::default()
    };
    let host = host_with(2, limits);
    let big = filter(
        "",
        "(if (i32.eq (memory.grow (i32.const 32)) (i32.const -1)) (then (unreachable)))
         (call $answer (i32.const 1))",
    );
    // Each kept instance takes 2 MiB and a bit: there is room for one.
    let (first, second) = (
        open_filter(&host, big.clone()).await,
        open_filter(&host, big).await,
    );
    let devices = [device("d1", "http://127.0.0.1")];
    first.matches(NOW, &devices).await.expect("there is room");
    let error = second.matches(NOW, &devices).await.expect_err("it is full");
    assert_eq!(
        error.kind,
        PluginErrorKind::Memory(MemoryBound::Host(4 << 20))
    );
    drop(first);
    second
        .matches(NOW, &devices)
        .await
        .expect("what a dropped filter had is free again");
}

#[tokio::test]
async fn answers_that_the_contract_does_not_allow_are_refused() {
    let host = host();
    let devices = [device("d1", "http://127.0.0.1")];
    let mut said = Vec::new();
    for matches in [
        "(call $answer (i32.const 2))",
        "(i32.store8 (i32.const 1024) (i32.const 2)) (call $answer (i32.const 1))",
        "(call $answer (i32.const -1))",
        "(i32.const 3)",
    ] {
        let liar = open_filter(&host, filter("", matches)).await;
        let error = liar.matches(NOW, &devices).await.expect_err("it lies");
        said.push(error.to_string());
    }
    insta::assert_snapshot!(said.join("\n"), @"
    plugin `test` broke its contract in `matches`: 2 bytes of answers for 1 devices
    plugin `test` broke its contract in `matches`: it answered for more than the 1 devices it was given
    plugin `test` broke its contract in `matches`: list pointer/length out of bounds of memory
    plugin `test` broke its contract in `matches`: return pointer not aligned
    ");
}
