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
        .fold(0.0, f64::max);
    let frame = Frame {
        above: 8.0,
        height: HEIGHT,
        until: course.until,
        top: top(fastest),
        label: rate,
    };
    let about = format!(
        "At most {} within one minute; drawn are means.",
        grouped(session.peak_starts)
    );
    let title = format!("Starts per minute: {}", session.rollout);
    let mut steps = Vec::new();
    let mut before = Duration::ZERO;
    let parts = course.drawn().len().clamp(2, MAX_POINTS) - 1;
    for index in 1..=parts {
        let at = course.until.mul_f64(index as f64 / parts as f64);
        let y = frame.y(course.rate_between(before, at));
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
