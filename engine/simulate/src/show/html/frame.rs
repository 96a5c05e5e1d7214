use std::time::Duration;

use crate::show::{
    numbers::span,
    scale::{ticks, time_ticks},
};

use super::markup::{Markup, Px};

/// Width of every drawing, in its own units.
pub(super) const WIDTH: f64 = 960.0;
/// Room for the numbers of the axis.
const LEFT: f64 = 78.0;
/// Room for the letters at the ends of lines.
const RIGHT: f64 = 26.0;
/// Room for the times under the axis.
const BOTTOM: f64 = 32.0;
/// Height of what is shown between the axis and its times.
pub(super) const STRIP: f64 = 7.0;
/// A tick for each so many units of length, at most.
const TIME_TICK: u64 = 95;
const VALUE_TICK: f64 = 55.0;

/// A drawing's axes: time to the right, a number upwards.
pub(super) struct Frame {
    /// Room above the plot.
    pub(super) above: f64,
    /// Height of the plot.
    pub(super) height: f64,
    pub(super) until: Duration,
    /// The number at the upper edge.
    pub(super) top: f64,
    /// How a number of the axis is written.
    pub(super) label: fn(f64) -> String,
}

impl Frame {
    pub(super) fn x(&self, at: Duration) -> f64 {
        let share = at.as_secs_f64() / self.until.as_secs_f64().max(f64::MIN_POSITIVE);
        LEFT + share.clamp(0.0, 1.0) * (self.right() - LEFT)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        let share = (value / self.top.max(f64::MIN_POSITIVE)).clamp(0.0, 1.0);
        self.above + self.height * (1.0 - share)
    }

    pub(super) fn left(&self) -> f64 {
        LEFT
    }

    pub(super) fn right(&self) -> f64 {
        WIDTH - RIGHT
    }

    pub(super) fn bottom(&self) -> f64 {
        self.above + self.height
    }

    /// An image with a name and a description for those who do not see it, and the axes.
    pub(super) fn draw(
        &self,
        markup: &mut Markup,
        id: &str,
        (title, description): (&str, &str),
        content: impl FnOnce(&mut Markup),
    ) {
        let full = self.bottom() + BOTTOM;
        let view = format!("0 0 {} {}", Px(WIDTH), Px(full));
        let (named, described) = (format!("{id}-title"), format!("{id}-description"));
        let image: [(&str, &dyn std::fmt::Display); 5] = [
            ("xmlns", &"http://www.w3.org/2000/svg"),
            ("viewBox", &view),
            ("role", &"img"),
            ("aria-labelledby", &named),
            ("aria-describedby", &described),
        ];
        markup.element("svg", &image, |markup| {
            markup.leaf("title", &[("id", &named)], title);
            markup.leaf("desc", &[("id", &described)], description);
            self.grid(markup);
            content(markup);
        });
    }

    fn grid(&self, markup: &mut Markup) {
        let (left, right) = (Px(LEFT), Px(self.right()));
        for value in ticks(self.top, (self.height / VALUE_TICK).max(1.0)) {
            let y = Px(self.y(value));
            let class = if value == 0.0 { "axis" } else { "grid" };
            line(markup, class, (LEFT, y.0), (right.0, y.0));
            let at: [(&str, &dyn std::fmt::Display); 4] = [
                ("class", &"tick end"),
                ("x", &Px(left.0 - 8.0)),
                ("y", &Px(y.0 + 4.0)),
                ("aria-hidden", &"true"),
            ];
            markup.leaf("text", &at, &(self.label)(value));
        }
        let count = (self.right() - LEFT) as u64 / TIME_TICK;
        for at in time_ticks(self.until, count) {
            let x = self.x(at);
            line(markup, "axis", (x, self.bottom()), (x, self.bottom() + 9.0));
            let place: [(&str, &dyn std::fmt::Display); 4] = [
                ("class", &"tick middle"),
                ("x", &Px(x)),
                ("y", &Px(self.bottom() + 24.0)),
                ("aria-hidden", &"true"),
            ];
            let text = if at.is_zero() {
                "0".to_owned()
            } else {
                span(at)
            };
            markup.leaf("text", &place, &text);
        }
    }
}

/// A straight line of a class.
pub(super) fn line(markup: &mut Markup, class: &str, from: (f64, f64), to: (f64, f64)) {
    markup.empty(
        "line",
        &[
            ("class", &class),
            ("x1", &Px(from.0)),
            ("y1", &Px(from.1)),
            ("x2", &Px(to.0)),
            ("y2", &Px(to.1)),
        ],
    );
}

/// An upright box of a class; nothing if it has no width.
pub(super) fn rect(
    markup: &mut Markup,
    class: &str,
    (x, y): (f64, f64),
    (width, height): (f64, f64),
) {
    if width > 0.0 && height > 0.0 {
        markup.empty(
            "rect",
            &[
                ("class", &class),
                ("x", &Px(x)),
                ("y", &Px(y)),
                ("width", &Px(width)),
                ("height", &Px(height)),
            ],
        );
    }
}

/// A label of a class whose foot begins at a place.
pub(super) fn label(markup: &mut Markup, class: &str, (x, y): (f64, f64), text: &str) {
    markup.leaf(
        "text",
        &[("class", &class), ("x", &Px(x)), ("y", &Px(y))],
        text,
    );
}

/// A line through points.
pub(super) fn polyline(markup: &mut Markup, class: &str, points: &[(f64, f64)]) {
    let path = outline('M', points);
    markup.empty("path", &[("class", &class), ("d", &path)]);
}

/// What lies between two lines.
pub(super) fn between(
    markup: &mut Markup,
    class: &str,
    upper: &[(f64, f64)],
    lower: &[(f64, f64)],
) {
    let back: Vec<_> = lower.iter().rev().copied().collect();
    let path = format!("{}{}Z", outline('M', upper), outline('L', &back));
    markup.empty("path", &[("class", &class), ("d", &path)]);
}

fn outline(first: char, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, (x, y)) in points.iter().enumerate() {
        let letter = if index == 0 { first } else { 'L' };
        path.push_str(&format!("{letter}{} {}", Px(*x), Px(*y)));
    }
    path
}
