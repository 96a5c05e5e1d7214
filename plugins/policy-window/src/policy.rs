//! The plugin itself.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use jiff::tz::TimeZone;
use windlass_sdk::{
    Admission, Candidate, Ceiling, Cohort, Connectivity, Decision, DeviceFields, Milliseconds,
    Policy, Problem, Projection, TierCount, Timestamp, Verdict, View,
};

use crate::{
    calendar::{Calendar, Opening},
    check::check,
    plan::{Plan, Rest, Zone},
    reasons,
    settings::Settings,
    zone,
};

/// The longest time that a decision holds while a window is open.
const VALID: Milliseconds = 24 * 60 * 60 * 1000;

/// How long a decision holds that says nothing, as every device goes by its own clock.
const VALID_FOR_DEVICES: Milliseconds = 5 * 60 * 1000;

/// An admission speaks of this instant only.
const NOW: Milliseconds = 1;

/// More names than there are zones in the world are not those of zones.
const MAX_KEPT: usize = 1024;

/// Starts by windows, freezes and dates.
pub struct Windows {
    plan: Plan,
    kept: RefCell<Kept>,
}

/// What was worked out before, so that a page of devices costs a zone's worth of it each.
#[derive(Default)]
struct Kept {
    /// By the zone's name.
    calendars: BTreeMap<String, Rc<Calendar>>,
    /// What the last decision was taken by.
    opening: Option<Looked>,
    /// The instant that `admissions` are for.
    now: Timestamp,
    /// By what devices call their zone.
    admissions: BTreeMap<Option<String>, Admission>,
}

/// An opening, and since when it is the first that is not over.
#[derive(Clone, Copy)]
struct Looked {
    since: Timestamp,
    opening: Opening,
}

impl Looked {
    /// How far a decision looks.
    const ENOUGH: Milliseconds = VALID + NOW;

    /// Whether a decision at this instant would be taken by the same opening, or by one that says
    /// no more: it is still to come, or where it ends is known or further off than a decision
    /// holds.
    fn serves(&self, now: Timestamp) -> bool {
        let Opening { from, until, .. } = self.opening;
        let is_known = until < from.saturating_add(Self::ENOUGH);
        let is_far = until > now.saturating_add(VALID);
        self.since <= now && (now < from || (now < until && (is_known || is_far)))
    }
}

/// How an instant stands in a calendar.
enum Standing {
    Open(Opening),
    Closed(Opening),
    Over,
}

impl Standing {
    fn of(opening: Option<Opening>, now: Timestamp) -> Self {
        match opening {
            Some(opening) if opening.from <= now => Self::Open(opening),
            Some(opening) => Self::Closed(opening),
            None => Self::Over,
        }
    }
}

impl Windows {
    fn calendar(&self, zone: &TimeZone) -> Rc<Calendar> {
        let name = zone::name(zone);
        let kept = self.kept.borrow().calendars.get(name).map(Rc::clone);
        kept.unwrap_or_else(|| {
            let calendar = Rc::new(Calendar::new(&self.plan, zone.clone()));
            let mut kept = self.kept.borrow_mut();
            kept.calendars.insert(name.to_owned(), Rc::clone(&calendar));
            calendar
        })
    }

    /// What a decision is taken by. It is asked for about once a second, and most of those are in
    /// one opening, or wait for the same.
    fn opening(&self, calendar: &Calendar, now: Timestamp) -> Option<Opening> {
        let mut kept = self.kept.borrow_mut();
        if let Some(looked) = kept.opening.filter(|looked| looked.serves(now)) {
            return Some(looked.opening);
        }
        let opening = calendar.opening(&self.plan, now, Looked::ENOUGH);
        kept.opening = opening.map(|opening| Looked {
            since: now,
            opening,
        });
        opening
    }

    /// When devices may start that call their zone so.
    fn admission(&self, now: Timestamp, named: Option<&str>) -> Admission {
        let zone = match &self.plan.zone {
            Zone::Of(zone) => Some(zone.clone()),
            Zone::Device { without } => named.and_then(zone::find).or_else(|| without.clone()),
        };
        let never = Admission {
            never: true,
            ..Admission::at_once()
        };
        let Some(zone) = zone else {
            return Admission {
                reason: Some(reasons::no_zone(named)),
                ..never
            };
        };
        let calendar = self.calendar(&zone);
        match Standing::of(calendar.opening(&self.plan, now, NOW), now) {
            Standing::Open(opening) => Admission {
                needs_connection: opening.on_connect,
                reason: opening.on_connect.then(reasons::on_connect),
                ..Admission::at_once()
            },
            Standing::Closed(opening) => Admission {
                not_before: Some(opening.from),
                needs_connection: opening.on_connect,
                reason: Some(reasons::closed(&self.plan, &calendar, now, &opening)),
                ..Admission::at_once()
            },
            Standing::Over => Admission {
                reason: Some(reasons::over(&zone)),
                ..never
            },
        }
    }

    fn kept_admission(&self, now: Timestamp, named: Option<String>) -> Admission {
        {
            let mut kept = self.kept.borrow_mut();
            if kept.now != now || kept.admissions.len() >= MAX_KEPT {
                kept.admissions.clear();
                kept.now = now;
            }
            if let Some(admission) = kept.admissions.get(&named) {
                return admission.clone();
            }
        }
        let admission = self.admission(now, named.as_deref());
        let mut kept = self.kept.borrow_mut();
        kept.admissions.insert(named, admission.clone());
        admission
    }
}

impl Policy for Windows {
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        Ok(Self {
            plan: check(&settings)?,
            kept: RefCell::default(),
        })
    }

    fn reads(&self) -> Projection {
        let mut fields = DeviceFields::empty();
        if let Zone::Device { .. } = self.plan.zone {
            fields |= DeviceFields::TIMEZONE;
        }
        if let Rest::OnConnect { .. } = self.plan.rest {
            fields |= DeviceFields::STATUS;
        }
        Projection::of(fields)
    }

    fn admits(&self) -> bool {
        true
    }

    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String> {
        Ok(vec![Cohort {
            name: "all".to_owned(),
            size: tiers.iter().map(|tier| tier.devices).sum(),
        }])
    }

    fn admit(&self, now: Timestamp, candidate: &Candidate) -> Admission {
        let named = match self.plan.zone {
            Zone::Of(_) => None,
            Zone::Device { .. } => candidate.device.timezone.clone(),
        };
        let admission = self.kept_admission(now, named);
        let may_start = admission.needs_connection
            && admission.not_before.is_none()
            && candidate.device.status == Connectivity::Online;
        Admission {
            reason: admission.reason.filter(|_| !may_start),
            ..admission
        }
    }

    fn decide(&self, view: &View, _: &[u8]) -> Decision {
        let now = view.now;
        let open = Decision {
            ceilings: vec![Ceiling::UNLIMITED; view.cohorts.len()],
            valid_until: now.saturating_add(VALID),
            verdict: Verdict::Continue,
            reasons: Vec::new(),
            memo: Vec::new(),
            ask_at: None,
            triggers: Vec::new(),
            rechecks: Vec::new(),
        };
        let Zone::Of(zone) = &self.plan.zone else {
            return Decision {
                valid_until: now.saturating_add(VALID_FOR_DEVICES),
                ..open
            };
        };
        let calendar = self.calendar(zone);
        match Standing::of(self.opening(&calendar, now), now) {
            Standing::Open(opening) => Decision {
                // Until is the first instant at which nothing starts.
                valid_until: open.valid_until.min(opening.until - 1),
                ask_at: Some(opening.until).filter(|until| *until <= open.valid_until),
                ..open
            },
            Standing::Closed(opening) => Decision {
                verdict: Verdict::Hold,
                reasons: vec![reasons::closed(&self.plan, &calendar, now, &opening)],
                ask_at: Some(opening.from),
                ..open
            },
            // So that every device that is left is asked about, and skipped.
            Standing::Over => open,
        }
    }

    /// There is nothing to take over from another build of this policy.
    fn migrate(&self, _: &str, memo: &[u8]) -> Result<Vec<u8>, String> {
        if memo.is_empty() {
            Ok(Vec::new())
        } else {
            Err("the memo is none of policy-window's".to_owned())
        }
    }
}
