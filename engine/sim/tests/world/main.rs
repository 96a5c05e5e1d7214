//! Stories that must not go wrong, whatever their seed (design §3, §6; goal lines of
//! `reference/rollouts-and-trust.md`): the cap is never exceeded, a device has one attempt at a
//! time, an abort is final, counts add up, the log is whole and in order, everything ends.
//!
//! `WINDLASS_STORIES=1000000 cargo test --release -p windlass-sim --test world` lives through as
//! many as wanted; a failure names its seed, which belongs into `regressions.txt` then.

use std::{env, thread};

use windlass_sim::world::{Story, live_through};

/// As many as a minute of CI allows.
const STORIES: u64 = 400;

/// Seeds that once went wrong.
const REGRESSIONS: &str = include_str!("regressions.txt");

fn stories() -> u64 {
    env::var("WINDLASS_STORIES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(STORIES)
}

fn wrong(seeds: impl Iterator<Item = u64>) -> Vec<(u64, Vec<String>)> {
    seeds
        .map(|seed| (seed, live_through(seed).violations))
        .filter(|(_, violations)| !violations.is_empty())
        .take(5)
        .collect()
}

#[test]
fn no_story_goes_wrong() {
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let found: Vec<_> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| {
                let seeds = (first..stories()).step_by(threads as usize);
                scope.spawn(move || wrong(seeds))
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().expect("a story does not panic"))
            .collect()
    });
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn stories_that_once_went_wrong_go_well() {
    let seeds = REGRESSIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.parse().expect("a seed a line"));
    let found = wrong(seeds);
    assert!(found.is_empty(), "{found:#?}");
}

/// The same seed is the same story, to the last event and the last millisecond.
#[test]
fn a_story_is_told_the_same_way_twice() {
    for seed in 0..20 {
        assert_eq!(live_through(seed), live_through(seed));
    }
}

/// The troubles are there: a world in which nothing goes wrong would show nothing.
#[test]
fn stories_have_crashes_refused_commits_and_lost_answers() {
    let stories: Vec<Story> = (0..60).map(live_through).collect();
    assert!(stories.iter().map(|story| story.lives).sum::<u32>() > 120);
    assert!(stories.iter().any(|story| story.refused > 0));
    assert!(stories.iter().any(|story| story.unanswered > 0));
    assert!(stories.iter().map(|story| story.pushes).sum::<u64>() > 1_000);
}
