use std::time::Duration;

use crate::Session;

use super::figures::Figures;

/// A session's samples as they are drawn: without the time after everything had ended.
pub(super) struct Course {
    /// Where the drawing ends.
    pub(super) until: Duration,
    /// In order; the first is at the start.
    pub(super) points: Vec<Point>,
}

/// Counts at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    pub(super) at: Duration,
    /// Devices started so far, those that have ended included.
    pub(super) started: u64,
    pub(super) updated: u64,
    pub(super) failed: u64,
    pub(super) deferred: u64,
    /// The most starts within a minute, since the point before.
    pub(super) rate: u64,
}

impl Point {
    /// Devices of which there is something to say: started, or at their end without that.
    pub(super) fn height(&self) -> u64 {
        self.started.max(self.updated + self.failed)
    }

    fn stands_like(&self, other: &Self) -> bool {
        (self.started, self.updated, self.failed) == (other.started, other.updated, other.failed)
    }
}

impl Course {
    pub(super) fn of(session: &Session) -> Self {
        let mut points: Vec<_> = session
            .samples
            .iter()
            .map(|sample| Point {
                at: sample.at,
                started: sample.started.iter().sum(),
                updated: sample.succeeded,
                failed: sample.failed,
                deferred: sample.deferred,
                rate: sample.starts_per_minute,
            })
            .collect();
        points.sort_by_key(|point| point.at);
        if points.first().is_none_or(|point| !point.at.is_zero()) {
            points.insert(0, Point::default());
        }
        let last = points.last().map_or(Duration::ZERO, |point| point.at);
        let until = match Figures::of(session).ended {
            Some(ended) => ended.max(last_change(&points)),
            None => last.max(last_change(&points)),
        };
        Self { until, points }
    }

    /// Whether there is anything to draw.
    pub(super) fn is_empty(&self) -> bool {
        self.until.is_zero() || self.most() == 0
    }

    /// The most devices at any time.
    pub(super) fn most(&self) -> u64 {
        self.points.iter().map(Point::height).max().unwrap_or(0)
    }

    /// Those of the points that are drawn.
    pub(super) fn drawn(&self) -> &[Point] {
        let end = self.points.partition_point(|point| point.at <= self.until);
        &self.points[..end]
    }

    /// How it stood at an instant.
    pub(super) fn at(&self, at: Duration) -> Point {
        let index = self.points.partition_point(|point| point.at <= at);
        let known = index
            .checked_sub(1)
            .and_then(|index| self.points.get(index));
        Point {
            at,
            ..known.copied().unwrap_or_default()
        }
    }

    /// The highest rate between two instants.
    pub(super) fn rate_between(&self, from: Duration, to: Duration) -> u64 {
        let first = self.points.partition_point(|point| point.at <= from);
        let within = self.points[first..].iter().scan(false, |past, point| {
            // A point's rate is that of the time before it, so one past the end counts.
            let counts = !*past;
            *past = point.at >= to;
            counts.then_some(point.rate)
        });
        within.max().unwrap_or(0)
    }
}

/// The first instant from which on nothing moved.
fn last_change(points: &[Point]) -> Duration {
    let mut pairs = points.windows(2).rev();
    pairs
        .find(|pair| !pair[0].stands_like(&pair[1]))
        .map_or(Duration::ZERO, |pair| pair[1].at)
}
