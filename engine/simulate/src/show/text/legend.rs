use std::collections::BTreeSet;

use windlass_model::Verdict;

use crate::{
    Session,
    show::{
        course::{Course, Point},
        foreign::width,
        numbers::grouped,
        words::verdict_word,
    },
};

use super::{area::Layer, marks::verdict_colour, sheet::Sheet, strip::letter};

/// Between two entries.
const GAP: usize = 3;

/// What the characters of the chart mean.
pub(super) fn legend(sheet: &mut Sheet, session: &Session, course: &Course, radius: Option<u64>) {
    let glyphs = sheet.glyphs();
    let any = |of: fn(&Point) -> bool| course.points.iter().any(of);
    let mut entries = vec![(Layer::Updated, "updated".to_owned())];
    if any(|point| point.failed > 0) {
        entries.push((Layer::Failed, "failed".to_owned()));
    }
    if any(|point| point.height() > point.updated + point.failed) {
        entries.push((Layer::Started, "under way".to_owned()));
    }
    if let Some(radius) = radius {
        entries.push((Layer::Radius, format!("blast radius {}", grouped(radius))));
    }
    let entries = entries
        .into_iter()
        .map(|(layer, name)| (layer.glyph(glyphs), layer.colour(), name));
    let verdicts: BTreeSet<_> = session.marks.iter().map(|mark| mark.verdict).collect();
    let verdicts = verdicts
        .into_iter()
        .filter(|verdict| *verdict != Verdict::Continue)
        .map(|verdict| {
            let name = verdict_word(verdict).to_owned();
            (letter(verdict), verdict_colour(verdict), name)
        });
    let mut line = String::new();
    let mut columns = 0;
    for (glyph, colour, name) in entries.chain(verdicts) {
        let glyph = glyph.to_string();
        let entry = width(&glyph) + 1 + width(&name);
        let gap = if columns == 0 { 0 } else { GAP };
        if columns + gap + entry > sheet.columns() {
            sheet.line(&[(&std::mem::take(&mut line), None)]);
            columns = 0;
        }
        if columns > 0 {
            line.push_str(&" ".repeat(GAP));
            columns += GAP;
        }
        columns += entry;
        line.push_str(&sheet.paint(&glyph, colour));
        line.push_str(&format!(" {name}"));
    }
    sheet.line(&[(&line, None)]);
}
