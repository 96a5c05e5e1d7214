//! Files of devices: a JSON array, NDJSON or CSV, read as a stream.
//!
//! A file whose name ends in `.csv` is CSV with a header; of any other the first
//! character decides: `[` begins an array, `{` NDJSON with one device a line. The shape
//! is that of GO-132:
//!
//! ```json
//! {"id": "pos-1", "name": "till 1", "address": "https://pos-1.example:8443",
//!  "status": "online", "firmware_version": "2.2.0", "kind": "till", "location": "Oslo",
//!  "timezone": "Europe/Oslo", "tags": ["front"], "last_seen": "2026-01-31T08:00:00Z",
//!  "metadata": {"region": "north"}}
//! ```
//!
//! Only `id` and `address` must be there. `version` and `attributes` may be written for
//! `firmware_version` and `metadata`. A key of another name becomes an attribute, unless it
//! looks like one of these misspelt. In CSV, tags are separated by commas or semicolons,
//! a column `metadata.region` is the attribute `region`, and an empty cell is an absent
//! value.

mod address;
mod csv;
mod draft;
mod examine;
mod input;
mod intake;
mod json;
mod keys;
mod value;

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use windlass_model::Device;

use self::{input::Input, intake::Intake};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// Longest record, in bytes: a file that lacks a bracket or quote must not be taken into
/// memory as one device.
pub const MAX_RECORD_BYTES: usize = 1024 * 1024;

/// How much of a file is read at once.
const READ_BYTES: usize = 256 * 1024;

/// What a file of devices was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FleetFile {
    /// How many devices it holds.
    pub count: u64,
    /// How it is written.
    pub format: Format,
}

/// How a file of devices is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON array.
    JsonArray,
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated values under a header.
    Csv,
}

/// Reads a file and hands over each device in the order of the file. Memory is taken for
/// the ids only.
///
/// # Errors
///
/// What is wrong with the file: the first [`Diagnostics::MAX_SHOWN`] problems, and how many
/// more there are. Devices before the first problem were handed over by then, and must be
/// discarded.
pub fn read_devices(path: &Path, accept: &mut dyn FnMut(Device)) -> Result<FleetFile, Diagnostics> {
    let name = path.display().to_string();
    let unreadable = |cause: io::Error| {
        Diagnostic::error(format!("cannot read the devices: {cause}")).in_file(name.clone())
    };
    let file = File::open(path).map_err(unreadable)?;
    let mut input = Input::new(BufReader::with_capacity(READ_BYTES, file));
    let mut intake = Intake::new(&name, accept);
    let is_csv = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    let format = read(&mut input, &mut intake, is_csv).map_err(unreadable)?;
    let count = intake.finish()?;
    Ok(FleetFile { count, format })
}

fn read<R: BufRead>(
    input: &mut Input<R>,
    intake: &mut Intake<'_>,
    is_csv: bool,
) -> io::Result<Format> {
    input.skip_byte_order_mark()?;
    if is_csv {
        csv::read(input, intake)?;
        return Ok(Format::Csv);
    }
    input.skip_blanks()?;
    if input.peek()? == Some(b'{') {
        json::read_lines(input, intake)?;
        Ok(Format::Ndjson)
    } else {
        json::read_array(input, intake)?;
        Ok(Format::JsonArray)
    }
}
