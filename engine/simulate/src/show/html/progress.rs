use crate::{
    Session,
    show::{
        course::{Course, Point},
        numbers::grouped,
        scale::top,
        words,
    },
};

use super::{
    cohorts::Cohorts,
    frame::{Frame, between, label, line, polyline},
    labels::LANE,
    marks::{Marks, strip},
    markup::Markup,
};

/// Points of a line; more than there are places to the right show nothing.
pub(super) const MAX_POINTS: usize = 800;
const HEIGHT: f64 = 300.0;
/// A radius is drawn if it does not press the rest down to less than this part.
const RADIUS_HEADROOM: f64 = 3.0;

/// Devices over time, with the cohorts behind them and what the policies said.
pub(super) fn draw(markup: &mut Markup, id: &str, session: &Session, course: &Course) {
    let radius = session.blast_radius.as_ref().map(|radius| radius.devices);
    let most = course.most();
    let radius = radius.filter(|radius| *radius as f64 <= most as f64 * RADIUS_HEADROOM);
    let mut frame = Frame {
        above: 0.0,
        height: HEIGHT,
        until: course.until,
        top: top(most.max(radius.unwrap_or(0)) as f64).max(1.0),
        label: |value| grouped(value as u64),
    };
    let cohorts = Cohorts::of(session, &frame);
    let marks = Marks::of(session, &frame);
    let cohort_lanes = LANE * cohorts.lanes() as f64;
    frame.above = cohort_lanes + LANE * marks.lanes() as f64 + 8.0;
    let about = format!("{}. {}.", words::outcome(session), words::origin(session));
    let title = format!("Devices over time: {}", session.rollout);
    frame.draw(markup, id, (&title, &about), |markup| {
        cohorts.draw(markup, &frame);
        areas(markup, &frame, course);
        marks.draw(markup, &frame, cohort_lanes);
        strip(markup, &frame, session);
        if let Some(radius) = radius {
            let y = frame.y(radius as f64);
            line(markup, "radius", (frame.left(), y), (frame.right(), y));
            let text = format!("blast radius {}", grouped(radius));
            // Below the line where above it would leave the plot.
            let fits = y - LANE >= frame.above;
            let y = if fits { y - 6.0 } else { y + 15.0 };
            // To the left, where there are not yet many devices.
            label(markup, "radius-label halo", (frame.left() + 8.0, y), &text);
        }
    });
}

fn areas(markup: &mut Markup, frame: &Frame, course: &Course) {
    let points = thinned(course);
    let curve = |of: fn(&Point) -> u64| -> Vec<_> {
        let places = points.iter();
        places
            .map(|point| (frame.x(point.at), frame.y(of(point) as f64)))
            .collect()
    };
    let foot = curve(|_| 0);
    let updated = curve(|point| point.updated);
    let ended = curve(|point| point.updated + point.failed);
    let height = curve(Point::height);
    between(markup, "started area", &height, &ended);
    between(markup, "updated area", &updated, &foot);
    if points.iter().any(|point| point.failed > 0) {
        between(markup, "failed area", &ended, &updated);
    }
    polyline(markup, "started line", &height);
}

/// As many points as can be seen.
pub(super) fn thinned(course: &Course) -> Vec<Point> {
    let drawn = course.drawn();
    let mut points = if drawn.len() <= MAX_POINTS {
        drawn.to_vec()
    } else {
        let at = |index: usize| course.until.mul_f64(index as f64 / MAX_POINTS as f64);
        (0..MAX_POINTS).map(|index| course.at(at(index))).collect()
    };
    points.push(course.at(course.until));
    points
}
