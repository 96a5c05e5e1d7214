//! What a file holds, and since when.

use std::{
    fs, io,
    io::Read as _,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use windlass_model::{Reading, Timestamp};

use super::{fetch::BODY_BYTES, judge};

/// What was found, and when the file was last written if it was read.
pub(super) struct Found {
    pub(super) reading: Reading,
    pub(super) written: Option<Timestamp>,
}

/// Blocks.
pub(super) fn read(path: &Path, pointer: Option<&str>) -> Found {
    let nothing = |reading| Found {
        reading,
        written: None,
    };
    match contents(path) {
        Ok((bytes, _)) if bytes.len() as u64 > BODY_BYTES => nothing(Reading::Failed(format!(
            "the file is larger than {} KiB",
            BODY_BYTES >> 10
        ))),
        Ok((bytes, written)) => Found {
            reading: match pointer {
                Some(pointer) => judge::json(&bytes, pointer),
                None => judge::plain(&bytes),
            },
            written,
        },
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            nothing(Reading::Missing("there is no such file".to_owned()))
        }
        Err(cause) => nothing(Reading::Failed(format!("the file cannot be read: {cause}"))),
    }
}

fn contents(path: &Path) -> io::Result<(Vec<u8>, Option<Timestamp>)> {
    // Opening a pipe would wait for its other end.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = fs::File::open(path)?;
    let written = file.metadata()?.modified().ok().map(timestamp);
    let mut bytes = Vec::new();
    file.take(BODY_BYTES + 1).read_to_end(&mut bytes)?;
    Ok((bytes, written))
}

fn timestamp(at: SystemTime) -> Timestamp {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
