//! The writer thread.

mod support;

use std::{iter, sync::Arc};

use tokio::task::JoinSet;
use windlass_model::{ChangeSet, Event, EventKind, RolloutKey, Sequence, Timestamp};
use windlass_store::{
    CommitError, Location, Stopped, Store, StoreError, StoreThread, ThreadPanicked,
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

/// Design §6: one flush serves many, and one caller's conflict is its own.
#[tokio::test]
async fn queued_sets_are_committed_together_and_answered_one_by_one() {
    let thread = thread();
    let handle = thread.handle();
    let create = |store: &mut Store| {
        let plan = support::plan(store);
        store.create_rollout(&plan, &mut iter::empty(), Timestamp(1))
    };
    let rollout = handle.run(create).await.expect("running");
    let rollout = rollout.expect("created");
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
