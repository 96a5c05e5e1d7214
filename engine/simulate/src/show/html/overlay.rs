use std::time::Duration;

use crate::{
    Session,
    show::{
        compare::letter,
        course::{Course, Point},
        numbers::{rate, share},
        scale::top,
    },
};

use super::{
    frame::{Frame, label, polyline},
    labels::spread,
    markup::Markup,
    progress::thinned,
};

/// Ways to draw a line; more sessions begin again, and their letters tell them apart.
const WAYS: usize = 6;
/// Between the end of a line and its letter.
const GAP: f64 = 6.0;
/// Between two letters at the ends of lines.
const APART: f64 = 14.0;

/// One line a session: which share of its devices was updated, or failed.
pub(super) fn draw(
    markup: &mut Markup,
    id: &str,
    title: &str,
    sessions: &[Session],
    of: fn(&Point) -> u64,
) {
    let courses: Vec<_> = sessions.iter().map(Course::of).collect();
    let until = courses.iter().map(|course| course.until).max();
    let percent = |point: &Point, session: &Session| 100.0 * share(of(point), session.devices);
    let curves: Vec<Vec<_>> = courses
        .iter()
        .zip(sessions)
        .map(|(course, session)| {
            let points = thinned(course).into_iter();
            points
                .map(|point| (point.at, percent(&point, session)))
                .collect()
        })
        .collect();
    let most = curves
        .iter()
        .flatten()
        .map(|(_, share)| *share)
        .fold(0.0, f64::max);
    let frame = Frame {
        above: 12.0,
        height: 220.0,
        until: until.unwrap_or_default(),
        top: top(most).min(100.0),
        label: |percent| format!("{} %", rate(percent)),
    };
    let end = |curve: &Vec<(Duration, f64)>| {
        let (at, share) = curve.last().copied().unwrap_or_default();
        (frame.x(at) + GAP, frame.y(share))
    };
    let ends: Vec<_> = curves.iter().map(end).collect();
    let heights = spread(&ends, APART, frame.bottom());
    let described: Vec<_> = sessions
        .iter()
        .enumerate()
        .map(|(index, session)| format!("{}: {}", letter(index), session.rollout))
        .collect();
    frame.draw(markup, id, (title, &described.join("; ")), |markup| {
        for (index, curve) in curves.iter().enumerate() {
            let way = way(index);
            let places = curve
                .iter()
                .map(|(at, share)| (frame.x(*at), frame.y(*share)));
            let places: Vec<_> = places.collect();
            polyline(markup, &format!("series {way}"), &places);
            let class = format!("letter {way}");
            let foot = (ends[index].0, heights[index] + 4.0);
            label(markup, &class, foot, &letter(index));
        }
    });
}

/// The class of a session's line.
pub(super) fn way(index: usize) -> String {
    format!("way-{}", index % WAYS)
}
