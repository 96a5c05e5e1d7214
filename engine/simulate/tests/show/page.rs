//! Sessions as a page for a browser.

use std::collections::BTreeSet;

use proptest::prelude::*;
use roxmltree::{Document, Node, ParsingOptions};
use windlass_simulate::{Session, show::html};

use crate::{fixture, widths::sessions};

/// Every element that a page may hold: none that runs, loads or asks for anything.
const ELEMENTS: [&str; 41] = [
    "body",
    "caption",
    "dd",
    "desc",
    "details",
    "div",
    "dl",
    "dt",
    "figcaption",
    "figure",
    "footer",
    "g",
    "h1",
    "h2",
    "head",
    "html",
    "li",
    "line",
    "main",
    "meta",
    "p",
    "path",
    "rect",
    "section",
    "span",
    "strong",
    "style",
    "summary",
    "svg",
    "table",
    "tbody",
    "td",
    "text",
    "th",
    "thead",
    "title",
    "tr",
    "ul",
    "ol",
    "b",
    "i",
];

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(page, options).expect("the page is well-formed XML")
}

fn named<'a>(document: &'a Document<'a>, name: &'a str) -> Vec<Node<'a, 'a>> {
    let all = document.descendants();
    all.filter(|node| node.tag_name().name() == name).collect()
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants()
        .filter_map(|node| node.text().filter(|_| node.is_text()))
        .collect()
}

/// What every page is, of whatever sessions.
fn assert_sound(page: &str) {
    let document = parsed(page);
    for node in document.descendants().filter(Node::is_element) {
        let name = node.tag_name().name();
        assert!(ELEMENTS.contains(&name), "<{name}>");
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(
                !name.starts_with("on") && name != "href" && name != "src",
                "{name}"
            );
        }
        // A line that is not a number would be drawn nowhere.
        for name in ["x", "y", "x1", "y1", "x2", "y2", "width", "height"] {
            if let Some(value) = node.attribute(name) {
                let value: f64 = value.parse().expect("a number");
                assert!((-1.0..=1_000.0).contains(&value), "{name}={value}");
            }
        }
        if let Some(path) = node.attribute("d") {
            assert!(!path.contains("NaN") && !path.contains("inf"), "{path}");
        }
    }
    let ids: Vec<_> = document
        .descendants()
        .filter_map(|node| node.attribute("id"))
        .collect();
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "ids are unique");
    for image in named(&document, "svg") {
        assert_eq!(image.attribute("role"), Some("img"));
        for (refers, to) in [("aria-labelledby", "title"), ("aria-describedby", "desc")] {
            let id = image.attribute(refers).expect("an image is described");
            let found = image
                .children()
                .find(|node| node.attribute("id") == Some(id));
            let found = found.expect("the description is there");
            assert_eq!(found.tag_name().name(), to);
            assert!(!text_of(found).is_empty());
        }
        labels_do_not_overlap(image);
    }
    assert!(
        !page.contains("url(") && !page.contains("@import"),
        "nothing is loaded"
    );
}

/// Of the labels above the plot: cohorts and marks.
fn labels_do_not_overlap(image: Node<'_, '_>) {
    let mut lanes: Vec<(String, f64, f64)> = Vec::new();
    for label in image
        .descendants()
        .filter(|node| node.tag_name().name() == "text")
    {
        let class = label.attribute("class").unwrap_or_default();
        if ["tick", "radius-label", "letter"]
            .iter()
            .any(|other| class.contains(other))
        {
            continue;
        }
        let text = text_of(label);
        // Narrower than the page takes a character to be.
        let wide: usize = text
            .chars()
            .filter_map(unicode_width::UnicodeWidthChar::width)
            .sum();
        let number = |name| {
            label
                .attribute(name)
                .and_then(|value| value.parse::<f64>().ok())
        };
        let from = number("x").expect("a place");
        lanes.push((
            label.attribute("y").unwrap_or_default().to_owned(),
            from,
            from + 7.0 * wide as f64,
        ));
    }
    for (index, (lane, from, to)) in lanes.iter().enumerate() {
        for (other, start, end) in &lanes[index + 1..] {
            let apart = lane != other || to <= start || end <= from;
            assert!(
                apart,
                "two labels in lane {lane}: {from}..{to} and {start}..{end}"
            );
        }
    }
}

#[test]
fn every_session_makes_a_sound_page() {
    for (_, session) in fixture::all() {
        let page = html(std::slice::from_ref(&session));
        assert_sound(&page);
        assert_eq!(
            page,
            html(&[session]),
            "the same session gives the same bytes"
        );
    }
}

#[test]
fn several_sessions_make_one_page() {
    let sessions: Vec<Session> = fixture::all()
        .into_iter()
        .map(|(_, session)| session)
        .collect();
    let page = html(&sessions);
    assert_sound(&page);
    let document = parsed(&page);
    assert_eq!(named(&document, "section").len(), sessions.len());
    assert_sound(&html(&[]));
}

/// The abort, the cohort that it met, the radius that was stated: in the picture, and in
/// tables for those who do not see it.
#[test]
fn an_abort_is_drawn_and_told() {
    let session = fixture::aborted();
    let page = html(std::slice::from_ref(&session));
    let document = parsed(&page);
    let images = named(&document, "svg");
    assert_eq!(images.len(), 2, "devices and starts");
    let labels: Vec<_> = named(&document, "text").into_iter().map(text_of).collect();
    for label in ["abort 6h 10m", "hold 3h", "blast radius 10,000", "▾ canary"] {
        assert!(
            labels.iter().any(|text| text == label),
            "{label}: {labels:?}"
        );
    }
    let lines = named(&document, "line");
    let class = |class| {
        lines
            .iter()
            .filter(move |line| line.attribute("class") == Some(class))
            .count()
    };
    assert_eq!(
        (class("radius"), class("aborts"), class("opens")),
        (1, 1, 1)
    );
    let captions: Vec<_> = named(&document, "caption")
        .into_iter()
        .map(text_of)
        .collect();
    assert_eq!(captions, ["Course", "Cohorts", "What the policies said"]);
    let cells: Vec<_> = named(&document, "td").into_iter().map(text_of).collect();
    assert!(
        cells
            .iter()
            .any(|cell| cell.contains("12.4 % of the first attempts")),
        "{cells:?}"
    );
    let said: Vec<_> = named(&document, "p").into_iter().map(text_of).collect();
    let outcome =
        "aborted after 6h 10m with 9,867 of 1,000,000 devices started, within the 10,000 stated";
    assert!(said.iter().any(|text| text == outcome), "{said:?}");
}

#[test]
fn a_comparison_marks_the_better() {
    let mut slower = fixture::million();
    slower.updated.half = slower.updated.half.map(|at| at * 2);
    let page = html(&[fixture::million(), slower]);
    let document = parsed(&page);
    let best: Vec<_> = named(&document, "td")
        .into_iter()
        .filter(|cell| cell.attribute("class") == Some("best"))
        .map(text_of)
        .collect();
    assert_eq!(best.len(), 1, "{best:?}");
    let overlaid = named(&document, "path").into_iter();
    let series = overlaid.filter(|path| {
        path.attribute("class")
            .is_some_and(|c| c.starts_with("series"))
    });
    assert_eq!(series.count(), 4, "updated and failed of both");
}

#[test]
fn foreign_text_becomes_no_markup() {
    let session = fixture::hostile();
    let page = html(std::slice::from_ref(&session));
    assert_sound(&page);
    let document = parsed(&page);
    let heading = named(&document, "h1")
        .into_iter()
        .map(text_of)
        .collect::<String>();
    assert_eq!(
        heading,
        "<script>alert(1)</script>\\u{1b}[2J & \"more\" 'of' it: 1,000,000 simulated devices"
    );
    assert!(named(&document, "script").is_empty() && named(&document, "img").is_empty());
}

proptest! {
    #[test]
    fn whatever_the_sessions_the_page_is_sound(sessions in prop::collection::vec(sessions(), 0..4)) {
        assert_sound(&html(&sessions));
    }
}
