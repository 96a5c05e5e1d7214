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

/// Heights close to those of the places that are wished, such that two labels that are not
/// `apart` to the side are `apart` in height; none is below `bottom` as long as there is room.
pub(super) fn spread(wishes: &[(f64, f64)], apart: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<_> = (0..wishes.len()).collect();
    order.sort_by(|one, other| wishes[*one].1.total_cmp(&wishes[*other].1));
    let mut heights: Vec<_> = wishes.iter().map(|(_, y)| *y).collect();
    let beside = |one: usize, other: usize| (wishes[one].0 - wishes[other].0).abs() < apart;
    for (rank, index) in order.iter().enumerate() {
        let above = order[..rank].iter().filter(|other| beside(*index, **other));
        let least = above.map(|other| heights[*other] + apart);
        heights[*index] = least.fold(heights[*index], f64::max);
    }
    for (rank, index) in order.iter().enumerate().rev() {
        let below = order[rank + 1..]
            .iter()
            .filter(|other| beside(*index, **other));
        let most = below.map(|other| heights[*other] - apart);
        heights[*index] = most.fold(heights[*index].min(bottom), f64::min);
    }
    heights
}
