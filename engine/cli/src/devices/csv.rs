use std::io::{self, BufRead};

use csv_core::{ReadFieldResult, Reader};

use super::{
    MAX_RECORD_BYTES,
    draft::{Draft, misspelt},
    examine::Examined,
    input::{Input, Piece},
    intake::Intake,
    keys::{Key, Known, classify},
    value::Content,
};
use crate::diagnostic::{Span, quote};

/// What a column holds.
enum Column {
    Known(Known),
    Attribute(String),
}

/// A record with its cells, unquoted and trimmed.
struct Row {
    piece: Piece,
    cells: Vec<Cell>,
    unclosed_quote: bool,
}

struct Cell {
    text: String,
    span: Span,
}

/// Reads a header and a device a record.
pub(super) fn read<R: BufRead>(input: &mut Input<R>, intake: &mut Intake<'_>) -> io::Result<()> {
    let mut splitter = Reader::new();
    let mut columns: Option<Vec<Column>> = None;
    while let Some(row) = next_row(input, &mut splitter)? {
        let examined = match Examined::new(intake.file, &row.piece) {
            Ok(examined) => examined,
            Err(problem) => {
                intake.report(problem);
                continue;
            }
        };
        if row.unclosed_quote {
            let span = row.cells.last().map(|cell| cell.span).unwrap_or_default();
            let start = Span {
                start: span.start,
                end: span.start + 1,
            };
            let message = "a quote that is not closed";
            intake.report(examined.error(start, message, "opened here"));
            return Ok(());
        }
        match &columns {
            Some(columns) => read_device(&examined, columns, &row, intake),
            None => match read_header(&examined, &row, intake) {
                Some(header) => columns = Some(header),
                None => return Ok(()),
            },
        }
    }
    Ok(())
}

/// The columns, unless something is wrong with them: then every row would be wrong too.
fn read_header(examined: &Examined<'_>, row: &Row, intake: &mut Intake<'_>) -> Option<Vec<Column>> {
    let mut problems = Vec::new();
    let mut columns = Vec::new();
    for (index, cell) in row.cells.iter().enumerate() {
        let name = cell.text.as_str();
        if name.is_empty() {
            problems.push(examined.error(cell.span, "a column without a name", ""));
        }
        let earlier = &row.cells[..index];
        if !name.is_empty() && earlier.iter().any(|other| other.text == name) {
            let message = format!("column {} is there twice", quote(name));
            problems.push(examined.error(cell.span, message, "again"));
        }
        let attribute = name
            .strip_prefix("metadata.")
            .or_else(|| name.strip_prefix("attributes."));
        columns.push(match (attribute, classify(name)) {
            (Some(attribute), _) => Column::Attribute(attribute.to_owned()),
            (None, Key::Known(Known::Attributes)) => {
                let message = format!("{} cannot be one column", quote(name));
                let help = "give each attribute a column, such as `metadata.region`";
                problems.push(examined.error(cell.span, message, "").help(help));
                continue;
            }
            (None, Key::Known(known)) => Column::Known(known),
            (None, Key::Own) => Column::Attribute(name.to_owned()),
            (None, Key::Misspelt(meant)) => {
                problems.push(misspelt(examined, name, cell.span, meant));
                continue;
            }
        });
    }
    for required in [Known::Id, Known::Address] {
        let found = columns
            .iter()
            .any(|column| matches!(column, Column::Known(known) if *known == required));
        if !found && problems.is_empty() {
            let name = required.name();
            let span = examined.span_of(examined.text().trim_end());
            let message = format!("no column is called `{name}`");
            problems.push(examined.error(span, message, "the header"));
        }
    }
    if problems.is_empty() {
        return Some(columns);
    }
    problems
        .into_iter()
        .for_each(|problem| intake.report(problem));
    None
}

fn read_device(examined: &Examined<'_>, columns: &[Column], row: &Row, intake: &mut Intake<'_>) {
    let whole = examined.span_of(examined.text().trim_end());
    if row.cells.len() != columns.len() {
        let (found, expected) = (row.cells.len(), columns.len());
        let message = format!("{found} cells under a header of {expected}");
        let label = format!("expected {expected} cells");
        return intake.report(examined.error(whole, message, label));
    }
    let mut draft = Draft::default();
    for (column, cell) in columns.iter().zip(&row.cells) {
        let content = Content::Cell(&cell.text);
        match column {
            Column::Known(known) => draft.set(examined, *known, content, cell.span),
            Column::Attribute(name) => draft.set_attribute(examined, name, content, cell.span),
        }
    }
    intake.take(examined, draft, whole);
}

/// The next record that is not blank; a quoted cell may hold line breaks.
fn next_row<R: BufRead>(input: &mut Input<R>, splitter: &mut Reader) -> io::Result<Option<Row>> {
    let mut piece = input.begin();
    loop {
        if !input.take_line(&mut piece)? {
            return Ok(None);
        }
        if !piece.bytes.trim_ascii().is_empty() {
            break;
        }
        piece = input.begin();
    }
    let mut added = 0;
    loop {
        // Only a quote can end a cell that a line break did not.
        let may_end = added == 0 || piece.bytes[added..].contains(&b'"');
        if let Some(cells) = Some(&piece.bytes)
            .filter(|_| may_end)
            .and_then(|bytes| split(splitter, bytes, false))
        {
            return Ok(Some(Row {
                piece,
                cells,
                unclosed_quote: false,
            }));
        }
        added = piece.bytes.len();
        let at_limit = piece.bytes.len() > MAX_RECORD_BYTES;
        if at_limit || !input.take_line(&mut piece)? {
            let cells = split(splitter, &piece.bytes, true).unwrap_or_default();
            let unclosed_quote = cells.last().is_some_and(|cell| {
                let raw = &piece.bytes[cell.span.start..cell.span.end];
                raw.iter().filter(|byte| **byte == b'"').count() % 2 == 1
            });
            return Ok(Some(Row {
                piece,
                cells,
                unclosed_quote,
            }));
        }
    }
}

/// The cells of one record, or nothing if it goes on after `bytes`.
fn split(splitter: &mut Reader, bytes: &[u8], at_end: bool) -> Option<Vec<Cell>> {
    splitter.reset();
    let mut cells = Vec::new();
    let mut text = vec![0; bytes.len()];
    let mut start = 0;
    let mut at = 0;
    let mut written = 0;
    loop {
        let (result, read, wrote) = splitter.read_field(&bytes[at..], &mut text[written..]);
        at += read;
        written += wrote;
        match result {
            ReadFieldResult::Field { record_end } => {
                let raw = &bytes[start..at];
                let raw = match raw.strip_suffix(b",") {
                    Some(raw) if !record_end => raw,
                    _ => raw,
                };
                cells.push(Cell {
                    text: String::from_utf8_lossy(&text[..written]).trim().to_owned(),
                    span: trimmed(raw, start),
                });
                if record_end {
                    return Some(cells);
                }
                (start, written) = (at, 0);
            }
            ReadFieldResult::InputEmpty if !at_end => return None,
            // An empty input tells the reader that this is the end.
            ReadFieldResult::InputEmpty => {}
            ReadFieldResult::OutputFull | ReadFieldResult::End => return Some(cells),
        }
    }
}

fn trimmed(raw: &[u8], offset: usize) -> Span {
    let leading = raw.len() - raw.trim_ascii_start().len();
    let start = offset + leading;
    Span {
        start,
        end: start + raw.trim_ascii().len(),
    }
}
