//! The writer thread, and the store without one.

mod support;

use std::{
    iter,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use tokio::task::JoinSet;
use windlass_model::{ChangeSet, Event, EventKind, RolloutKey, Sequence, Timestamp};
use windlass_store::{
    CommitError, Fault, Location, Stopped, Store, StoreError, StoreHandle, StoreThread,
    ThreadPanicked,
};

fn thread() -> StoreThread {
    let store = Store::open(&Location::Memory).expect("memory is always free");
    StoreThread::start(store).expect("a thread starts")
}

/// One event, no change.
fn set(rollout: RolloutKey) -> Arc<ChangeSet> {
    Arc::new(ChangeSet {
        rollout,
        changes: Vec::new(),
        events: vec![Event {
            at: Timestamp(1),
            rollout: Some(rollout),
            kind: EventKind::RolloutStopping,
        }],
    })
}

const NO_ROLLOUT: RolloutKey = RolloutKey(99);

fn create(store: &mut Store) -> RolloutKey {
    let plan = support::plan(store);
    let created = store.create_rollout(&plan, &mut iter::empty(), Timestamp(1));
    created.expect("created")
}

/// The answer of a future that has nothing to wait for.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("there is something to wait for"),
    }
}

/// An inline handle whose faults are `faults`, one a set, and its rollout.
fn inline(faults: impl IntoIterator<Item = Fault>) -> (StoreHandle, RolloutKey) {
    let mut store = Store::open(&Location::Memory).expect("memory is always free");
    let rollout = create(&mut store);
    let faults: Vec<_> = faults.into_iter().collect();
    let mut faults = faults.into_iter();
    let hook = move |_: &ChangeSet| faults.next().unwrap_or_default();
    (StoreHandle::inline(store, Box::new(hook)), rollout)
}

/// Design §3: the simulation runs the real driver and store, in an order that it decides.
#[test]
fn an_inline_store_answers_at_once() {
    let (handle, rollout) = inline([]);
    let other = handle.clone();
    for first in [1, 2] {
        let committed = at_once(handle.commit(set(rollout))).expect("held");
        assert_eq!(committed.first, Sequence(first));
    }
    let last = at_once(other.run(|store| store.last_event()));
    assert_eq!(last.expect("running").expect("readable"), Sequence(2));
    let conflict = at_once(other.commit(set(NO_ROLLOUT)));
    assert!(matches!(conflict, Err(CommitError::NoSuchRollout(_))));

    let store = handle.take_inline().expect("it was not taken");
    assert_eq!(store.last_event().expect("readable"), Sequence(2));
    assert!(handle.take_inline().is_none());
    assert_eq!(at_once(other.run(|_| ())), Err(Stopped));
    let refused = at_once(other.commit(set(rollout)));
    assert!(matches!(
        refused,
        Err(CommitError::Storage(StoreError::Stopped(Stopped)))
    ));
}

#[test]
fn an_inline_store_refuses_and_loses_answers_on_demand() {
    let (handle, rollout) = inline([Fault::Refuse, Fault::LoseAnswer, Fault::LoseAnswer]);
    let commit = |rollout| at_once(handle.commit(set(rollout)));
    let last = || {
        let last = at_once(handle.run(|store| store.last_event()));
        last.expect("running").expect("readable").0
    };
    let refused = commit(rollout).expect_err("the disk is full");
    assert!(matches!(
        refused,
        CommitError::Storage(StoreError::DiskFull(_))
    ));
    assert_eq!(last(), 0);
    let lost = commit(rollout).expect_err("the answer is lost");
    assert!(matches!(lost, CommitError::Storage(StoreError::Disk(_))));
    assert_eq!(last(), 1, "it was committed all the same");
    let conflict = commit(NO_ROLLOUT).expect_err("a conflict is not lost");
    assert!(matches!(conflict, CommitError::NoSuchRollout(_)));
    assert_eq!(commit(rollout).expect("held").first, Sequence(2));
}

#[test]
fn an_inline_store_survives_a_panic() {
    let (handle, rollout) = inline([]);
    at_once(handle.commit(set(rollout))).expect("held");
    let panicking =
        || at_once(handle.run(|_| -> () { panic!("an operation of this test panics") }));
    assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
    assert_eq!(at_once(handle.run(|_| ())), Err(Stopped));
    let store = handle.take_inline().expect("it was not taken");
    assert_eq!(store.last_event().expect("readable"), Sequence(1));
}

/// Design §6: one flush serves many, and one caller's conflict is its own.
#[tokio::test]
async fn queued_sets_are_committed_together_and_answered_one_by_one() {
    let thread = thread();
    let handle = thread.handle();
    let rollout = handle.run(create).await.expect("running");
    let mut callers = JoinSet::new();
    for number in 0..3_000 {
        let handle = handle.clone();
        let set = set(if number % 3 == 0 { NO_ROLLOUT } else { rollout });
        callers.spawn(async move { (number, handle.commit(set).await) });
    }
    let mut numbers = Vec::new();
    while let Some(answer) = callers.join_next().await {
        let (number, answer) = answer.expect("no caller panics");
        match answer {
            Ok(committed) => {
                assert_ne!(number % 3, 0);
                numbers.push(committed.first.0);
            }
            Err(error) => {
                assert_eq!(number % 3, 0);
                assert!(matches!(error, CommitError::NoSuchRollout(NO_ROLLOUT)));
            }
        }
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=2_000).collect::<Vec<_>>());
    let store = thread.shutdown().await.expect("no operation panicked");
    assert_eq!(store.last_event().expect("readable"), Sequence(2_000));
    assert!(store.check().expect("the check runs").is_empty());
}

#[tokio::test]
async fn operations_of_one_caller_happen_in_order() {
    let thread = thread();
    let handle = thread.handle();
    for round in 0..50 {
        let ids = handle.run(|store| store.reserve_attempt_ids(2)).await;
        let ids = ids.expect("running").expect("left");
        assert_eq!(ids, round * 2 + 1..round * 2 + 3);
    }
    thread.shutdown().await.expect("no operation panicked");
}

#[tokio::test]
async fn a_closed_store_answers_with_an_error() {
    let thread = thread();
    let handle = thread.handle();
    thread.shutdown().await.expect("no operation panicked");
    assert_eq!(handle.run(|_| ()).await, Err(Stopped));
    let refused = handle.commit(set(NO_ROLLOUT)).await;
    assert!(matches!(
        refused,
        Err(CommitError::Storage(StoreError::Stopped(Stopped)))
    ));
}

#[tokio::test]
async fn a_panic_ends_the_thread_and_is_reported() {
    let thread = thread();
    let handle = thread.handle();
    let run = handle.run(|_| -> () { panic!("an operation of this test panics") });
    assert_eq!(run.await, Err(Stopped));
    assert_eq!(handle.run(|_| ()).await, Err(Stopped));
    assert_eq!(thread.shutdown().await.map(drop), Err(ThreadPanicked));
}
