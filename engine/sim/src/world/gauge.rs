use std::collections::BTreeMap;

/// Who sends at the moment, and what was seen that must not be.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    sending: u64,
    groups: BTreeMap<String, u64>,
    pub(super) peak: u64,
    pub(super) pushes: u64,
    pub(super) violations: Vec<String>,
}

impl Gauge {
    pub(super) fn begin(&mut self, group: &str, most: u64, most_of_group: Option<u64>) {
        self.pushes += 1;
        self.sending += 1;
        self.peak = self.peak.max(self.sending);
        if self.sending > most {
            self.violations.push(format!(
                "{} transfers at once, {most} allowed",
                self.sending
            ));
        }
        let of_group = self.groups.entry(group.to_owned()).or_default();
        *of_group += 1;
        if most_of_group.is_some_and(|most| *of_group > most) {
            self.violations
                .push(format!("{of_group} transfers at once in group {group}"));
        }
    }

    pub(super) fn end(&mut self, group: &str) {
        self.sending = self.sending.saturating_sub(1);
        if let Some(of_group) = self.groups.get_mut(group) {
            *of_group = of_group.saturating_sub(1);
        }
    }
}
