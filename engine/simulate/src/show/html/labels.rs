//! Labels that do not cover each other.

use crate::show::foreign::width;

/// A character of the small print of a drawing, on the wide side: fonts differ.
const CHARACTER: f64 = 7.2;
/// Between two labels of a lane.
const GAP: f64 = 8.0;

/// How wide a label is taken to be.
pub(super) fn text_width(text: &str) -> f64 {
    width(text) as f64 * CHARACTER
}

/// Height of a lane of labels.
pub(super) const LANE: f64 = 18.0;

/// How many lanes were needed.
pub(super) fn lanes(places: &[Option<Place>]) -> usize {
    let used = places.iter().flatten().map(|place| place.lane + 1);
    used.max().unwrap_or(0)
}

/// A label that wants to begin at a place.
pub(super) struct Wish {
    pub(super) x: f64,
    pub(super) width: f64,
    /// The higher goes first; of equals the leftmost.
    pub(super) weight: u8,
}

/// Where a label went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) lane: usize,
}

/// Puts labels into lanes so that none covers another and none goes past `right`; those for
/// which there is no room are left out.
pub(super) fn place(wishes: &[Wish], lanes: usize, right: f64) -> Vec<Option<Place>> {
    let mut order: Vec<_> = (0..wishes.len()).collect();
    order.sort_by(|one, other| {
        let (one, other) = (&wishes[*one], &wishes[*other]);
        other
            .weight
            .cmp(&one.weight)
            .then(one.x.total_cmp(&other.x))
    });
    let mut taken: Vec<Vec<(f64, f64)>> = vec![Vec::new(); lanes];
    let mut places = vec![None; wishes.len()];
    for index in order {
        let wish = &wishes[index];
        let x = wish.x.min(right - wish.width);
        let (from, to) = (x, x + wish.width + GAP);
        let free = |lane: &Vec<(f64, f64)>| lane.iter().all(|(a, b)| to <= *a || *b <= from);
        let Some(lane) = taken.iter().position(free).filter(|_| x >= 0.0) else {
            continue;
        };
        taken[lane].push((from, to));
        places[index] = Some(Place { x, lane });
    }
    places
}

/// Heights close to those that are wished, at least `apart` from each other, none below
/// `bottom` as long as there is room.
pub(super) fn spread(wishes: &[f64], apart: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<_> = (0..wishes.len()).collect();
    order.sort_by(|one, other| wishes[*one].total_cmp(&wishes[*other]));
    let mut heights = wishes.to_vec();
    let mut least = f64::NEG_INFINITY;
    for index in &order {
        heights[*index] = heights[*index].max(least);
        least = heights[*index] + apart;
    }
    let mut most = bottom;
    for index in order.iter().rev() {
        heights[*index] = heights[*index].min(most);
        most = heights[*index] - apart;
    }
    heights
}
