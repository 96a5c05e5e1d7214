use serde_json::json;
use windlass_host::Kind;
use windlass_model::{CohortView, StateCounts, StateKind, TierCount, Timestamp, Verdict, View};

use crate::support::{builtin, device, host};

const NOW: Timestamp = Timestamp(1_700_000_000_000);

#[tokio::test]
async fn the_builtin_filter_matches_and_says_why_not() {
    let host = host();
    let plugin = builtin(&host, "filter-cel").await;
    assert!(plugin.takes_expression());
    let filter = plugin
        .filter(
            Some("device.kind == 'gateway' && 'blue' in device.tags"),
            &json!({}),
        )
        .await
        .expect("the expression is well-formed");
    let mut devices: Vec<_> = (0..10_000)
        .map(|index| device(&format!("d{index}"), "http://127.0.0.1"))
        .collect();
    for device in devices.iter_mut().step_by(3) {
        device.tags.clear();
    }
    let matches = filter
        .matches(NOW, &devices)
        .await
        .expect("it can be evaluated");
    assert!(
        matches
            .iter()
            .enumerate()
            .all(|(index, matches)| *matches == (index % 3 != 0))
    );
    let why = filter
        .explain(NOW, &devices[0])
        .await
        .expect("it can be asked");
    assert_eq!(why.len(), 1, "the first device has no tag: {why:?}");
}

#[tokio::test]
async fn the_builtin_policy_places_cuts_and_decides() {
    let host = host();
    let plugin = builtin(&host, "policy-progressive").await;
    assert_eq!(plugin.kind(), Kind::Policy);
    let settings = json!({ "cohorts": [{ "name": "canary", "percent": 10 }, { "name": "rest" }] });
    let policy = plugin
        .policy(&settings)
        .await
        .expect("the settings are well-formed");
    let devices: Vec<_> = (0..100)
        .map(|index| device(&format!("d{index}"), "http://127.0.0.1"))
        .collect();
    let placements = policy.place(NOW, &devices).await.expect("it places");
    assert_eq!(placements.len(), 100);
    let cohorts = policy
        .cohorts(&[TierCount {
            tier: placements[0].tier,
            devices: 100,
        }])
        .await
        .expect("it cuts");
    assert_eq!(cohorts.iter().map(|cohort| cohort.size).sum::<u64>(), 100);

    let view = View {
        now: NOW,
        started_at: NOW,
        paused_for: std::time::Duration::ZERO,
        cohorts: cohorts
            .iter()
            .map(|cohort| {
                let mut states = StateCounts::default();
                *states.get_mut(StateKind::Pending) = cohort.size;
                CohortView {
                    name: cohort.name.clone(),
                    size: cohort.size,
                    states,
                    started: 0,
                    in_progress: 0,
                    ended: 0,
                    first_failures: Default::default(),
                    failures: Default::default(),
                    first_started: None,
                    last_ended: None,
                    recheck: None,
                }
            })
            .collect(),
        starts_last_minute: 0,
        approvals: Vec::new(),
        advances: Vec::new(),
        signals: Vec::new(),
    };
    let first = policy.decide(&view, &[]).await.expect("it decides");
    assert_eq!(first.verdict, Verdict::Continue);
    assert_eq!(first.ceilings[0].started, cohorts[0].size);
    assert_eq!(first.ceilings[1].started, 0);
    // The promise that replay and simulation rest on (design §4).
    let again = policy.decide(&view, &[]).await.expect("it decides");
    let fresh = plugin
        .policy(&settings)
        .await
        .expect("the settings are well-formed");
    let elsewhere = fresh.decide(&view, &[]).await.expect("it decides");
    assert_eq!(first, again);
    assert_eq!(first, elsewhere);
}
