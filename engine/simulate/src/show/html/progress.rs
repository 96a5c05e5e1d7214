use std::{collections::BTreeMap, time::Duration};

use windlass_model::Verdict;

use crate::{
    Mark, Session,
    show::{
        Glyphs,
        course::{Course, Point},
        foreign::{clean, fit},
        numbers::{grouped, rate, span},
        scale::top,
        words::{self, verdict_word},
    },
};

use super::{
    frame::{Frame, between, label, line, polyline, rect},
    labels::{Wish, place, text_width},
    markup::Markup,
};

/// Points of a line; more than there are places to the right show nothing.
const MAX_POINTS: usize = 800;
const HEIGHT: f64 = 300.0;
/// Height of a lane of labels.
const LANE: f64 = 18.0;
const COHORT_LANES: usize = 2;
const MARK_LANES: usize = 3;
/// A radius is drawn if it does not press the rest down to less than this part.
const RADIUS_HEADROOM: f64 = 3.0;
/// Height of the strip that shows the verdict in force.
const STRIP: f64 = 6.0;

/// Devices over time, with the cohorts behind them and what the policies said.
pub(super) fn draw(markup: &mut Markup, id: &str, session: &Session, course: &Course) {
    let radius = session.blast_radius.as_ref().map(|radius| radius.devices);
    let most = course.most();
    let radius = radius.filter(|radius| *radius as f64 <= most as f64 * RADIUS_HEADROOM);
    let frame = Frame {
        above: LANE * (COHORT_LANES + MARK_LANES) as f64 + 6.0,
        height: HEIGHT,
        until: course.until,
        top: top(most.max(radius.unwrap_or(0)) as f64),
        label: |value| grouped(value as u64),
    };
    let about = format!("{}. {}.", words::outcome(session), words::origin(session));
    let title = format!("Devices over time: {}", session.rollout);
    frame.draw(markup, id, (&title, &about), |markup| {
        cohorts(markup, &frame, session);
        areas(markup, &frame, course);
        if let Some(radius) = radius {
            let y = frame.y(radius as f64);
            line(markup, "radius", (frame.left(), y), (frame.right(), y));
            let text = format!("blast radius {}", grouped(radius));
            // Below the line where above it would leave the plot.
            let y = if y < frame.above + LANE {
                y + 14.0
            } else {
                y - 5.0
            };
            label(
                markup,
                "radius-label end halo",
                (frame.right() - 4.0, y),
                &text,
            );
        }
        marks(markup, &frame, session);
        strip(markup, &frame, session);
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

/// A band from where a cohort opens to where the next one does, with its name above.
fn cohorts(markup: &mut Markup, frame: &Frame, session: &Session) {
    let mut opened: Vec<_> = session
        .cohorts
        .iter()
        .filter_map(|cohort| Some((cohort.first_started?, cohort)))
        .filter(|(at, _)| *at <= frame.until)
        .collect();
    opened.sort_by_key(|(at, _)| *at);
    let ends = opened
        .iter()
        .skip(1)
        .map(|(at, _)| *at)
        .chain([frame.until]);
    let ends: Vec<_> = ends.collect();
    for (index, ((from, _), to)) in opened.iter().zip(&ends).enumerate() {
        let class = if index % 2 == 0 {
            "band even"
        } else {
            "band odd"
        };
        let (from, to) = (frame.x(*from), frame.x(*to));
        rect(
            markup,
            class,
            (from, frame.above),
            (to - from, frame.height),
        );
        line(markup, "opens", (from, frame.above), (from, frame.bottom()));
    }
    let wishes: Vec<_> = opened
        .iter()
        .map(|(at, cohort)| Wish {
            x: frame.x(*at),
            width: text_width(&cohort_label(&cohort.name)),
            weight: 0,
        })
        .collect();
    for ((_, cohort), place) in opened
        .iter()
        .zip(place(&wishes, COHORT_LANES, frame.right()))
    {
        if let Some(place) = place {
            let y = LANE * (place.lane + 1) as f64 - 4.0;
            label(markup, "cohort", (place.x, y), &cohort_label(&cohort.name));
        }
    }
}

/// Long names are in the table.
const MAX_LABEL: usize = 28;

fn cohort_label(name: &str) -> String {
    let name = clean(name, Glyphs::Unicode);
    format!("▾ {}", fit(&name, MAX_LABEL, Glyphs::Unicode))
}

/// Lines where the verdict changed, the severest of those at one place, and as many labels
/// as there is room for.
fn marks(markup: &mut Markup, frame: &Frame, session: &Session) {
    let mut severest: BTreeMap<i64, &Mark> = BTreeMap::new();
    for mark in session.marks.iter().filter(|mark| mark.at <= frame.until) {
        let kept = severest
            .entry(frame.x(mark.at).round() as i64)
            .or_insert(mark);
        if mark.verdict > kept.verdict {
            *kept = mark;
        }
    }
    let marks: Vec<_> = severest.into_values().collect();
    let text = |mark: &Mark| format!("{} {}", verdict_word(mark.verdict), span(mark.at));
    let wishes: Vec<_> = marks
        .iter()
        .map(|mark| Wish {
            x: frame.x(mark.at),
            width: text_width(&text(mark)),
            weight: mark.verdict as u8,
        })
        .collect();
    let places = place(&wishes, MARK_LANES, frame.right());
    for (mark, place) in marks.into_iter().zip(places) {
        let verdict = class(mark.verdict);
        let x = frame.x(mark.at);
        let lane = place.map(|place| LANE * (COHORT_LANES + place.lane + 1) as f64 - 4.0);
        let from = lane.map_or(frame.above, |lane| lane + 4.0);
        let group = format!("mark {verdict}");
        markup.element("g", &[("class", &group)], |markup| {
            let about = format!("{}: {}", text(mark), words::mark_text(mark));
            markup.leaf("title", &[], &about);
            line(markup, verdict, (x, from), (x, frame.bottom()));
            if let (Some(place), Some(lane)) = (place, lane) {
                label(markup, verdict, (place.x, lane), &text(mark));
            }
        });
    }
}

/// The verdict in force, under the areas.
fn strip(markup: &mut Markup, frame: &Frame, session: &Session) {
    let ends = session.marks.iter().skip(1).map(|mark| mark.at);
    let ends = ends.chain([frame.until]).map(|at| at.min(frame.until));
    let mut drawn = frame.left();
    for (mark, end) in session.marks.iter().zip(ends) {
        let (from, to) = (frame.x(mark.at).max(drawn), frame.x(end));
        // What is too short to be seen gives way to what comes next.
        if mark.verdict != Verdict::Continue && to - from >= 0.5 {
            let class = format!("strip {}", class(mark.verdict));
            rect(
                markup,
                &class,
                (from, frame.bottom() - STRIP),
                (to - from, STRIP),
            );
            drawn = to;
        }
    }
}

fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Continue => "goes-on",
        Verdict::Hold => "holds",
        Verdict::Pause => "pauses",
        Verdict::Abort => "aborts",
        Verdict::RollBack => "rolls-back",
    }
}

/// Starts a minute over the same time.
pub(super) fn draw_starts(markup: &mut Markup, id: &str, session: &Session, course: &Course) {
    let fastest = course
        .drawn()
        .iter()
        .map(|point| point.rate)
        .fold(0.0, f64::max);
    let frame = Frame {
        above: 8.0,
        height: 90.0,
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
