use std::collections::{HashMap, hash_map::Entry};

use windlass_model::{Device, DeviceId};

use super::{draft::Draft, examine::Examined};
use crate::diagnostic::{Diagnostic, Diagnostics, Span, quote};

/// Where devices and problems go.
pub(super) struct Intake<'a> {
    pub(super) file: &'a str,
    accept: &'a mut dyn FnMut(Device),
    problems: Diagnostics,
    /// The line of each id, to name the first of two.
    lines: HashMap<DeviceId, usize>,
    count: u64,
}

impl<'a> Intake<'a> {
    pub(super) fn new(file: &'a str, accept: &'a mut dyn FnMut(Device)) -> Self {
        Self {
            file,
            accept,
            problems: Diagnostics::new(),
            lines: HashMap::new(),
            count: 0,
        }
    }

    pub(super) fn report(&mut self, problem: Diagnostic) {
        self.problems.push(problem);
    }

    /// Takes the device in, or reports what is wrong with it.
    pub(super) fn take(&mut self, examined: &Examined<'_>, draft: Draft, record: Span) {
        let id_span = draft.id_span();
        let finished = draft.finish(examined, record);
        if let (Some(id), Some(span)) = (&finished.id, id_span) {
            self.check_unique(examined, id, span);
        }
        finished
            .problems
            .into_iter()
            .for_each(|problem| self.report(problem));
        if let (Some(device), true) = (finished.device, self.problems.is_empty()) {
            self.count += 1;
            (self.accept)(device);
        }
    }

    fn check_unique(&mut self, examined: &Examined<'_>, id: &DeviceId, span: Span) {
        let line = examined.line_of(span);
        match self.lines.entry(id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(line);
            }
            Entry::Occupied(first) => {
                let first = *first.get();
                let message = format!("device id {} is used twice", quote(id.as_str()));
                let problem = examined
                    .error(span, message, "the second device of this id")
                    .note(format!("the first is at {}:{first}", self.file));
                self.report(problem);
            }
        }
    }

    /// How many devices there were, if nothing was wrong.
    pub(super) fn finish(self) -> Result<u64, Diagnostics> {
        if self.problems.is_empty() {
            Ok(self.count)
        } else {
            Err(self.problems)
        }
    }
}
