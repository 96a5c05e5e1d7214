//! One session on a terminal.

use windlass_simulate::show::{Glyphs, Ink, Look, text};

use crate::fixture::{self, PLAIN};

#[test]
fn ten_devices_within_an_hour() {
    insta::assert_snapshot!(text(&fixture::small(), &PLAIN));
}

#[test]
fn a_million_devices_in_a_month() {
    insta::assert_snapshot!(text(&fixture::million(), &PLAIN));
}

#[test]
fn an_abort_within_what_was_stated() {
    insta::assert_snapshot!(text(&fixture::aborted(), &PLAIN));
}

#[test]
fn a_rollout_that_waits_for_a_person_at_once() {
    insta::assert_snapshot!(text(&fixture::blocked(), &PLAIN));
}

#[test]
fn no_device_at_all() {
    insta::assert_snapshot!(text(&fixture::empty(), &PLAIN));
}

#[test]
fn ninety_days_that_are_not_enough() {
    insta::assert_snapshot!(text(&fixture::unfinished(), &PLAIN));
}

#[test]
fn a_terminal_without_unicode() {
    let look = Look {
        glyphs: Glyphs::Ascii,
        ..PLAIN
    };
    let shown = text(&fixture::aborted(), &look);
    assert!(shown.is_ascii(), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_narrow_terminal() {
    let look = Look { width: 40, ..PLAIN };
    insta::assert_snapshot!(text(&fixture::aborted(), &look));
}

#[test]
fn colours_change_no_character() {
    let coloured = Look {
        ink: Ink::Coloured,
        ..PLAIN
    };
    for (name, session) in fixture::all() {
        let shown = text(&session, &coloured);
        let plain =
            shown
                .split("\x1b[")
                .enumerate()
                .map(|(index, part)| match part.split_once('m') {
                    Some((code, rest)) if index > 0 && code.len() <= 2 => rest,
                    _ => part,
                });
        assert_eq!(plain.collect::<String>(), text(&session, &PLAIN), "{name}");
    }
}

/// The radius is stated of a bad build: a network that ends the rollout is none.
#[test]
fn an_abort_without_a_bad_build_says_nothing_of_the_radius() {
    let mut session = fixture::aborted();
    session.harm.harmed = 0;
    if let Some(radius) = &mut session.blast_radius {
        radius.devices = 10;
    }
    let shown = text(&session, &PLAIN);
    assert!(!shown.contains("more than the"), "{shown}");
    assert!(shown.contains("no bad build"), "{shown}");
}

/// What plugins and files say moves no cursor.
#[test]
fn foreign_text_is_shown_and_not_obeyed() {
    let shown = text(&fixture::hostile(), &PLAIN);
    let obeyed = |character: char| {
        character.is_control() && character != '\n'
            || ('\u{202a}'..='\u{202e}').contains(&character)
    };
    assert!(!shown.chars().any(obeyed), "{shown:?}");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_locale_tells_what_can_be_shown() {
    for (locale, glyphs) in [
        (Some("en_GB.UTF-8"), Glyphs::Unicode),
        (Some("C.utf8"), Glyphs::Unicode),
        (Some("de_DE.ISO-8859-1"), Glyphs::Ascii),
        (Some("C"), Glyphs::Ascii),
        (None, Glyphs::Ascii),
    ] {
        assert_eq!(Glyphs::of_locale(locale), glyphs, "{locale:?}");
    }
}
