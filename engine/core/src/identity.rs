//! Whether a plan is that of a run which began before (design §6, "identity of a run").

use windlass_model::{Cohort, PluginPin, RolloutPlan};

/// What differs between the stored plan and a new one of the same name and release, a
/// sentence each, for people to accept or not. Retries, time-outs and how offline devices
/// are treated may be tuned freely and are not compared.
pub fn differences(stored: &RolloutPlan, new: &RolloutPlan) -> Vec<String> {
    let mut found = Vec::new();
    if stored.filter_expression != new.filter_expression {
        found.push(changed(
            "the filter's expression",
            stored.filter_expression.as_deref(),
            new.filter_expression.as_deref(),
        ));
    }
    plugins(
        "the filter",
        stored.filter.as_slice(),
        new.filter.as_slice(),
        &mut found,
    );
    plugins("the policies", &stored.policies, &new.policies, &mut found);
    plugins(
        "the deliveries",
        &stored.deliveries,
        &new.deliveries,
        &mut found,
    );
    let grows = stored.settings.dynamic && new.settings.dynamic;
    let same_cohorts = if stored.settings.dynamic {
        names(&stored.cohorts).eq(names(&new.cohorts))
    } else {
        stored.cohorts == new.cohorts
    };
    if !same_cohorts {
        found.push(changed(
            "the cohorts",
            Some(&sizes(&stored.cohorts)),
            Some(&sizes(&new.cohorts)),
        ));
    } else if stored.unselected != new.unselected && !grows {
        found.push(format!(
            "the fleet changed: {} devices were left out, now {} are",
            stored.unselected, new.unselected
        ));
    }
    if let (Some(old), Some(now)) = (stored.fleet, new.fleet)
        && old != now
        && !grows
    {
        found.push(format!(
            "the fleet file lists other devices: {} then, {} now; the targets stay those of the start",
            old.devices, now.devices
        ));
    }
    let (old, now) = (&stored.settings, &new.settings);
    if old.seed != now.seed {
        found.push(format!("the seed was {}, now it is {}", old.seed, now.seed));
    }
    if old.allow_downgrade != now.allow_downgrade {
        let word = if now.allow_downgrade {
            "allowed"
        } else {
            "refused"
        };
        found.push(format!("downgrades are now {word}"));
    }
    if old.dynamic != now.dynamic {
        let word = if now.dynamic { "now" } else { "no longer" };
        found.push(format!("devices that match later are {word} taken"));
    }
    found
}

fn changed(what: &str, stored: Option<&str>, new: Option<&str>) -> String {
    let quoted = |text: Option<&str>| text.map_or("none".to_owned(), |text| format!("`{text}`"));
    format!("{what}: stored {}, now {}", quoted(stored), quoted(new))
}

fn plugins(what: &str, stored: &[PluginPin], new: &[PluginPin], found: &mut Vec<String>) {
    let names = |pins: &[PluginPin]| {
        let names: Vec<_> = pins.iter().map(|pin| pin.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if !stored
        .iter()
        .map(|pin| &pin.name)
        .eq(new.iter().map(|pin| &pin.name))
    {
        found.push(changed(
            what,
            names(stored).as_deref(),
            names(new).as_deref(),
        ));
        return;
    }
    for (stored, new) in stored.iter().zip(new) {
        let name = &stored.name;
        if stored.component != new.component {
            found.push(format!("plugin `{name}`: the component is another"));
        }
        if stored.settings != new.settings {
            found.push(format!("plugin `{name}`: the settings changed"));
        }
    }
}

fn names(cohorts: &[Cohort]) -> impl Iterator<Item = &str> {
    cohorts.iter().map(|cohort| cohort.name.as_str())
}

fn sizes(cohorts: &[Cohort]) -> String {
    let words: Vec<_> = cohorts
        .iter()
        .map(|cohort| format!("{} {}", cohort.name, cohort.size))
        .collect();
    words.join(", ")
}
