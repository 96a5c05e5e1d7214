use std::time::Duration;

use crate::{
    Session,
    show::{
        course::Course,
        numbers::{grouped, rate},
        scale::top,
    },
};

use super::{
    frame::{Frame, between, polyline},
    markup::Markup,
    progress::MAX_POINTS,
};

const HEIGHT: f64 = 90.0;

/// Starts a minute over the same time.
pub(super) fn draw(markup: &mut Markup, id: &str, session: &Session, course: &Course) {
    let fastest = course
        .drawn()
        .iter()
        .map(|point| point.rate)
        .max()
        .unwrap_or(0);
    let frame = Frame {
        above: 8.0,
        height: HEIGHT,
        until: course.until,
        top: top(fastest as f64),
        label: rate,
    };
    let about = format!(
        "The most starts within one minute, {} at the highest.",
        grouped(session.peak_starts)
    );
    let title = format!("Starts per minute: {}", session.rollout);
    let mut steps = Vec::new();
    let mut before = Duration::ZERO;
    let parts = course.drawn().len().clamp(2, MAX_POINTS) - 1;
    for index in 1..=parts {
        let at = course.until.mul_f64(index as f64 / parts as f64);
        let y = frame.y(course.rate_between(before, at) as f64);
        steps.extend([(frame.x(before), y), (frame.x(at), y)]);
        before = at;
    }
    let foot = [
        (frame.left(), frame.y(0.0)),
        (frame.x(before), frame.y(0.0)),
    ];
    frame.draw(markup, id, (&title, &about), |markup| {
        between(markup, "starts area", &steps, &foot);
        polyline(markup, "starts line", &steps);
    });
}
