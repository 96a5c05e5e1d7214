use super::check::Check;
use crate::settings::{ApprovalSetting, CohortSettings};

impl Check {
    pub(super) fn start_approval(&mut self, name: Option<&str>) -> Option<String> {
        name.map(|name| self.approval_name("/start_approval", name))
    }

    pub(super) fn approval(
        &mut self,
        at: &str,
        cohort: &CohortSettings,
        last: bool,
    ) -> Option<String> {
        let name = match cohort.approval.as_ref()? {
            ApprovalSetting::Wanted(false) => return None,
            ApprovalSetting::Wanted(true) => &cohort.name,
            ApprovalSetting::Named(name) => name,
        };
        let at = format!("{at}/approval");
        if last {
            self.report(
                at,
                "no cohort comes after the last one, so there is nothing to approve",
            );
            return None;
        }
        Some(self.approval_name(&at, name))
    }

    /// One consent must not pass two gates.
    fn approval_name(&mut self, at: &str, name: &str) -> String {
        self.name(at, name);
        if !self.approvals.insert(name.to_owned()) {
            self.report(
                at,
                format!("the approval `{name}` is asked for at an earlier gate already"),
            );
        }
        name.to_owned()
    }
}
