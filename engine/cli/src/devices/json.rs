use std::{
    fmt,
    io::{self, BufRead},
};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{error::Category, value::RawValue};

use super::{
    MAX_RECORD_BYTES,
    draft::Draft,
    examine::Examined,
    input::{Input, Piece},
    intake::Intake,
    keys::{Key, Known, classify},
    value::{Content, without_place},
};
use crate::diagnostic::{Diagnostic, Span};

/// Reads `[`, objects with commas between them, and `]`.
pub(super) fn read_array<R: BufRead>(
    input: &mut Input<R>,
    intake: &mut Intake<'_>,
) -> io::Result<()> {
    if input.peek()? != Some(b'[') {
        let expected = "expected a JSON array, or NDJSON";
        return stop(input, intake, expected, Some("name a CSV file `….csv`"));
    }
    input.bump()?;
    let mut first = true;
    loop {
        input.skip_blanks()?;
        match input.peek()? {
            Some(b'{') => {}
            Some(b']') if first => break,
            Some(b']') => return stop(input, intake, "a comma with no device after it", None),
            _ => return stop(input, intake, "expected a device in braces", None),
        }
        let (piece, complete) = read_object(input)?;
        read_record(&piece, intake, complete);
        if !complete {
            return Ok(());
        }
        input.skip_blanks()?;
        match input.peek()? {
            Some(b',') => input.bump()?,
            Some(b']') => break,
            _ => return stop(input, intake, "expected `,` or `]` after a device", None),
        };
        first = false;
    }
    input.bump()?;
    input.skip_blanks()?;
    if input.peek()?.is_some() {
        return stop(input, intake, "something follows the array", None);
    }
    Ok(())
}

/// Reads one object a line.
pub(super) fn read_lines<R: BufRead>(
    input: &mut Input<R>,
    intake: &mut Intake<'_>,
) -> io::Result<()> {
    loop {
        let mut piece = input.begin();
        if !input.take_line(&mut piece)? {
            return Ok(());
        }
        let complete = piece.bytes.len() <= MAX_RECORD_BYTES;
        if !piece.bytes.trim_ascii().is_empty() {
            read_record(&piece, intake, complete);
        }
        if !complete {
            return Ok(());
        }
    }
}

/// The bytes from one brace to its counterpart, and whether there was one.
fn read_object<R: BufRead>(input: &mut Input<R>) -> io::Result<(Piece, bool)> {
    let mut piece = input.begin();
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut escaped = false;
    while piece.bytes.len() < MAX_RECORD_BYTES {
        let Some(byte) = input.bump()? else {
            return Ok((piece, false));
        };
        piece.bytes.push(byte);
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' => depth += 1,
            b'}' if depth == 1 => return Ok((piece, true)),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    Ok((piece, false))
}

fn read_record(piece: &Piece, intake: &mut Intake<'_>, complete: bool) {
    let examined = match Examined::new(intake.file, piece) {
        Ok(examined) => examined,
        Err(problem) => return intake.report(problem),
    };
    let body = &examined.text()[piece.body..];
    let body = body.trim_end();
    match serde_json::from_str::<Fields<'_>>(body) {
        Ok(fields) => {
            let draft = draft(&examined, &fields);
            intake.take(&examined, draft, start_of(&examined, body));
        }
        Err(cause) if complete || cause.classify() == Category::Syntax => {
            intake.report(syntax_error(&examined, body, &cause));
        }
        Err(_) => {
            let message = "this device does not end";
            let label = format!("no closing brace within {MAX_RECORD_BYTES} bytes");
            intake.report(examined.error(start_of(&examined, body), message, label));
        }
    }
}

fn draft(examined: &Examined<'_>, fields: &Fields<'_>) -> Draft {
    let mut draft = Draft::default();
    for (key, key_span, value) in fields.named(examined) {
        let span = examined.span_of(value.get());
        let content = Content::Json(value);
        let is_attributes = matches!(classify(&key), Key::Known(Known::Attributes));
        draft.set_field(examined, (&key, key_span), content, span);
        if !is_attributes || content.is_absent() {
            continue;
        }
        match serde_json::from_str::<Fields<'_>>(value.get()) {
            Ok(inner) => {
                for (name, _, value) in inner.named(examined) {
                    let span = examined.span_of(value.get());
                    draft.set_attribute(examined, &name, Content::Json(value), span);
                }
            }
            Err(_) => {
                let message = format!("`{key}`: expected an object");
                draft.report(examined.error(span, message, ""));
            }
        }
    }
    draft
}

fn start_of(examined: &Examined<'_>, body: &str) -> Span {
    let start = examined.span_of(body).start;
    Span {
        start,
        end: start + 1,
    }
}

fn syntax_error(examined: &Examined<'_>, body: &str, cause: &serde_json::Error) -> Diagnostic {
    let line_start = body
        .split_inclusive('\n')
        .take(cause.line().saturating_sub(1))
        .map(str::len)
        .sum::<usize>();
    let offset = examined.span_of(body).start + line_start + cause.column().saturating_sub(1);
    let span = Span {
        start: offset,
        end: offset + 1,
    };
    examined.error(span, format!("not JSON: {}", without_place(cause)), "")
}

/// Reports where the file stops making sense; nothing after that can be read.
fn stop<R: BufRead>(
    input: &mut Input<R>,
    intake: &mut Intake<'_>,
    message: &str,
    help: Option<&str>,
) -> io::Result<()> {
    let at_end = input.peek()?.is_none();
    let (line, column) = input.position();
    let piece = input.rest_of_line()?;
    let problem = match Examined::new(intake.file, &piece) {
        Err(problem) => problem,
        Ok(_) if at_end => Diagnostic::error(format!("{message}, but the file ends"))
            .in_file(format!("{}:{line}:{column}", intake.file)),
        Ok(examined) => {
            let span = Span {
                start: piece.body,
                end: piece.body + 1,
            };
            examined.error(span, message, "")
        }
    };
    intake.report(match help {
        Some(help) => problem.help(help),
        None => problem,
    });
    Ok(())
}

/// The keys and values of an object as they are written.
struct Fields<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// With keys decoded.
    fn named(&self, examined: &Examined<'_>) -> impl Iterator<Item = (String, Span, &'a RawValue)> {
        self.0.iter().map(|(key, value)| {
            let name = serde_json::from_str(key.get()).unwrap_or_else(|_| key.get().to_owned());
            (name, examined.span_of(key.get()), *value)
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}
