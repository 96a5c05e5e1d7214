//! Where in the settings serde stopped, as a JSON pointer.

use std::fmt::Write as _;

use serde_path_to_error::{Path, Segment};

pub(super) fn of(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Seq { index } => {
                // Writing to a String cannot fail.
                let _ = write!(pointer, "/{index}");
            }
            // A variant's name is the value of a setting, or its key, which is
            // there as a map's segment already.
            Segment::Enum { .. } => {}
            // Below this point serde kept no names; the parent is the best place.
            Segment::Unknown => break,
        }
    }
    pointer
}
