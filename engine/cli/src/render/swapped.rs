//! A swap of policies in words.

use windlass_runtime::planning::Charge;

use super::numbers::count;
use crate::{
    control::{MemoFate, PolicyChange, PolicyShift, SettingChange, SwapFate, Swapped},
    diagnostic::clean,
};

/// Digits of a digest that tell components apart.
const DIGITS: usize = 12;

/// What changed: policies, their settings and memos, and the cohorts.
pub fn swapped_text(swapped: &Swapped) -> String {
    let Swapped {
        rollout,
        fate,
        policies,
        before,
        after,
        moved,
        void,
        paused,
    } = swapped;
    let mut lines = vec![match fate {
        SwapFate::DryRun => format!("{rollout}: these policies would be swapped"),
        SwapFate::Driven | SwapFate::AtRest => format!("{rollout}: policies swapped"),
    }];
    lines.extend(policies.iter().flat_map(shift_lines));
    if before == after {
        lines.push(format!("  cohorts stay: {}", charges(after)));
    } else {
        lines.push(format!("  cohorts before: {}", charges(before)));
        lines.push(format!("  cohorts now:    {}", charges(after)));
        let are = if *moved == 1 { "is" } else { "are" };
        lines.push(format!(
            "  {} {are} in another cohort",
            count(*moved, "device")
        ));
    }
    if *void > 0 {
        let given = count(*void, "approval");
        lines.push(format!(
            "  {given} or order to go on, given to the policies before: void"
        ));
    }
    if *paused {
        lines.push("the rollout is paused: `windlass resume` lets it go on".into());
    }
    match fate {
        SwapFate::DryRun => lines.push("nothing was changed".into()),
        SwapFate::Driven => {}
        SwapFate::AtRest => {
            lines.push("nobody runs it now: `windlass run` goes on from here".into());
        }
    }
    lines.join("\n")
}

fn shift_lines(shift: &PolicyShift) -> Vec<String> {
    let name = &shift.name;
    match &shift.change {
        PolicyChange::Kept => vec![format!("  policy {name}: as before")],
        PolicyChange::Gone => vec![format!("  policy {name}: gone")],
        PolicyChange::New { component, memo } => vec![format!(
            "  policy {name}: new, component {}{}",
            short(component),
            memo_text(memo)
        )],
        PolicyChange::Changed {
            component,
            settings,
            memo,
        } => {
            let what = match component {
                Some((before, after)) => format!(
                    "another component, {} before and {} now",
                    short(before),
                    short(after)
                ),
                None => "other settings".to_owned(),
            };
            let mut lines = vec![format!("  policy {name}: {what}{}", memo_text(memo))];
            lines.extend(settings.iter().map(setting_line));
            lines
        }
    }
}

fn setting_line(change: &SettingChange) -> String {
    let SettingChange {
        setting,
        before,
        after,
    } = change;
    let value = |value: &Option<String>| match value {
        Some(json) => clean(json),
        None => "not set".to_owned(),
    };
    let (before, after) = (value(before), value(after));
    format!("    {}: {before} before, {after} now", clean(setting))
}

fn memo_text(memo: &MemoFate) -> String {
    match memo {
        MemoFate::Nothing => String::new(),
        MemoFate::Policy { name } => format!("; it takes over what {name} noted"),
        MemoFate::Restart => "; it begins with nothing noted".to_owned(),
    }
}

fn charges(charges: &[Charge]) -> String {
    let words: Vec<_> = charges
        .iter()
        .map(|charge| {
            let Charge {
                name,
                size,
                started,
                ended,
            } = charge;
            format!("{} {size} ({started} started, {ended} ended)", clean(name))
        })
        .collect();
    words.join(", ")
}

fn short(digest: &str) -> String {
    digest.chars().take(DIGITS).collect()
}
