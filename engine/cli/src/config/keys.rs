use super::{
    defaults::{
        DEFAULT_ATTEMPT, DEFAULT_ATTEMPTS, DEFAULT_BACKOFF, DEFAULT_CACHE, DEFAULT_CONCURRENCY,
        DEFAULT_GRACE, DEFAULT_IDLE, DEFAULT_KEEP_DECISIONS, DEFAULT_KEEP_EVENTS,
        DEFAULT_MAX_BACKOFF, DEFAULT_MEDIA_TYPE, DEFAULT_PROBE_INTERVAL, DEFAULT_SIGNAL_EVERY,
        DEFAULT_STATE, PREVIOUS,
    },
    schema::{
        Key,
        Kind::{
            self, Choice, Count, Digest, Either, Flag, Length, List, Name, Named, Size, Text, Whole,
        },
        Need::{self, Default, Optional, Required},
        Preset, Section,
    },
};

const fn key(name: &'static str, kind: Kind, need: Need, about: &'static str) -> Key {
    Key {
        name,
        about,
        kind,
        need,
    }
}

pub(super) static ROOT: Section = Section {
    about: "A release, a fleet, and how the one comes to the other.",
    keys: &[
        key(
            "engine",
            Kind::Section(&ENGINE),
            Optional,
            "The engine's own matters.",
        ),
        key(
            "fleet",
            Kind::Section(&FLEET),
            Optional,
            "The devices; without it those that the state file has.",
        ),
        key(
            "release",
            Kind::Section(&RELEASE),
            Required,
            "What is brought to the devices.",
        ),
        key(
            "plugins",
            Named(&PLUGIN),
            Required,
            "Components with their settings, by a name of your choice.",
        ),
        key(
            "signals",
            Named(&SIGNAL),
            Optional,
            "Measurements from outside that policies may ask for, by a name of your choice.",
        ),
        key(
            "rollout",
            Kind::Section(&ROLLOUT),
            Required,
            "How the release comes to the devices.",
        ),
        key(
            "rollback",
            Kind::Section(&ROLLBACK),
            Optional,
            "What takes the release back.",
        ),
        key(
            "retention",
            Kind::Section(&RETENTION),
            Optional,
            "How long what explains the past is kept in the state file.",
        ),
    ],
};

pub(super) static RETENTION: Section = Section {
    about: "How long what explains the past is kept in the state file.",
    keys: &[
        key(
            "decisions",
            Length,
            Default(Preset::Length(DEFAULT_KEEP_DECISIONS)),
            "Decisions of policies; the newest of each is kept.",
        ),
        key(
            "events",
            Length,
            Default(Preset::Length(DEFAULT_KEEP_EVENTS)),
            "Events, after the end of their rollout.",
        ),
        key(
            "attempts",
            Length,
            Default(Preset::Length(DEFAULT_KEEP_EVENTS)),
            "Attempts, after the end of their rollout; those of dead letters are kept.",
        ),
    ],
};

pub(super) static ENGINE: Section = Section {
    about: "The engine's own matters.",
    keys: &[
        key(
            "state",
            Text,
            Default(Preset::Text(DEFAULT_STATE)),
            "State file, relative to this file, or `:memory:`.",
        ),
        key(
            "concurrency",
            Count { least: 1 },
            Default(Preset::Count(DEFAULT_CONCURRENCY as u64)),
            "Transfers at once, over all rollouts.",
        ),
        key(
            "cache",
            Text,
            Default(Preset::Text(DEFAULT_CACHE)),
            "Directory of downloaded payloads and compiled plugins, relative to this file.",
        ),
        key(
            "retries_per_minute",
            Count { least: 1 },
            Optional,
            "Further tries a minute, over all rollouts; any number without it.",
        ),
        key(
            "bandwidth",
            Size,
            Optional,
            "Payload bytes a second, over all rollouts; any number without it.",
        ),
        key(
            "limits",
            List(&Kind::Section(&LIMIT)),
            Optional,
            "Bounds on each group of devices, such as a site, over all rollouts.",
        ),
    ],
};

pub(super) static LIMIT: Section = Section {
    about: "Bounds on each group of devices.",
    keys: &[
        key(
            "by",
            Text,
            Required,
            "What makes a group: `location`, `kind` or `attributes.NAME`.",
        ),
        key(
            "transfers",
            Count { least: 1 },
            Optional,
            "Transfers at once in a group.",
        ),
        key(
            "unavailable",
            Count { least: 1 },
            Optional,
            "Members of a group that may be out of service at once: updating, failed or offline.",
        ),
        key(
            "bandwidth",
            Size,
            Optional,
            "Payload bytes a second to a group.",
        ),
    ],
};

pub(super) static FLEET: Section = Section {
    about: "The devices.",
    keys: &[key(
        "devices",
        Text,
        Required,
        "File of devices, relative to this file: a JSON array, NDJSON or CSV.",
    )],
};

pub(super) static RELEASE: Section = Section {
    about: "What is brought to the devices.",
    keys: &[
        key("name", Name, Required, "Such as `pos-app`."),
        key("version", Name, Required, "Such as `2.3.0`."),
        key(
            "payload",
            Text,
            Required,
            "A path relative to this file, or an http(s) URL.",
        ),
        key("sha256", Digest, Optional, "The payload's digest."),
        key(
            "media_type",
            Name,
            Default(Preset::Text(DEFAULT_MEDIA_TYPE)),
            "The payload's media type.",
        ),
    ],
};

pub(super) static PLUGIN: Section = Section {
    about: "A component with its settings.",
    keys: &[
        key(
            "component",
            Text,
            Required,
            "`builtin:NAME`, or a path relative to this file.",
        ),
        key(
            "settings",
            Kind::Settings,
            Optional,
            "What the plugin is opened with.",
        ),
    ],
};

pub(super) static SIGNAL: Section = Section {
    about: "A measurement from outside: of a `url`, of `prometheus` or of a `file`.",
    keys: &[
        key(
            "url",
            Text,
            Optional,
            "An http(s) URL that answers with JSON.",
        ),
        key(
            "prometheus",
            Text,
            Optional,
            "The http(s) URL of a Prometheus, without `/api/v1`.",
        ),
        key(
            "query",
            Text,
            Optional,
            "What Prometheus is asked, in PromQL: a scalar or one sample.",
        ),
        key(
            "file",
            Text,
            Optional,
            "A path relative to this file: a number, or JSON with `pointer`.",
        ),
        key(
            "pointer",
            Text,
            Optional,
            "Where in the JSON the number or boolean stands, such as `/errors/rate`.",
        ),
        key(
            "every",
            Length,
            Default(Preset::Length(DEFAULT_SIGNAL_EVERY)),
            "From one poll to the next, at least 1s.",
        ),
        key(
            "timeout",
            Length,
            Optional,
            "How long a poll may take, less than `every`; 5s, or half of `every` if that is less.",
        ),
        key(
            "stale",
            Length,
            Optional,
            "How long a value counts after it was measured; three times `every` without it.",
        ),
        key(
            "bearer",
            Kind::Section(&SECRET),
            Optional,
            "The token that the server wants to see.",
        ),
        key(
            "headers",
            Named(&SECRET),
            Optional,
            "Further headers that the server wants to see, by their names.",
        ),
    ],
};

pub(super) static SECRET: Section = Section {
    about: "Where a secret is: in an environment variable or in a file.",
    keys: &[
        key(
            "env",
            Name,
            Optional,
            "The name of an environment variable.",
        ),
        key("file", Text, Optional, "A path relative to this file."),
    ],
};

pub(super) static ROLLOUT: Section = Section {
    about: "How the release comes to the devices.",
    keys: &[
        key(
            "name",
            Name,
            Required,
            "With the payload's digest the identity of a run.",
        ),
        key(
            "delivery",
            Either(&[Text, List(&Kind::Section(&DELIVERY))]),
            Required,
            "The plugin that brings it, or several in order, each but the last with `when`.",
        ),
        key(
            "filter",
            Kind::Section(&FILTER),
            Optional,
            "Which devices; all of them without it.",
        ),
        key(
            "policies",
            List(&Text),
            Optional,
            "How fast: the plugins that must all agree; all devices at once without it.",
        ),
        key(
            "shadow",
            List(&Text),
            Optional,
            "Policies that are asked beside those and never obeyed: `windlass shadow report` compares.",
        ),
        key("retry", Kind::Section(&RETRY), Optional, "Further tries."),
        key(
            "timeouts",
            Kind::Section(&TIMEOUTS),
            Optional,
            "Limits on one try.",
        ),
        key(
            "settle",
            Kind::Section(&SETTLE),
            Optional,
            "How the outcome of a try is found out whose answer was lost.",
        ),
        key(
            "offline",
            Choice(&["defer", "skip"]),
            Default(Preset::Text("defer")),
            "What becomes of devices that are offline when their turn comes.",
        ),
        key(
            "verify",
            Flag,
            Default(Preset::Flag(true)),
            "Whether devices are asked what they run, where the delivery can.",
        ),
        key(
            "probe_interval",
            Length,
            Default(Preset::Length(DEFAULT_PROBE_INTERVAL)),
            "Between two questions to a device that is away or busy.",
        ),
        key(
            "allow_downgrade",
            Flag,
            Default(Preset::Flag(false)),
            "Whether a device may be taken to an older version.",
        ),
        key(
            "seed",
            Count { least: 0 },
            Optional,
            "Orders devices within cohorts; drawn from the rollout's name without it.",
        ),
        key(
            "priority",
            Whole,
            Default(Preset::Whole(0)),
            "Of two rollouts that want one device or one slot, the higher comes first.",
        ),
        key(
            "concurrency",
            Count { least: 1 },
            Optional,
            "Transfers of this rollout at once; those of the engine without it.",
        ),
        key(
            "connection",
            Choice(&["assumed", "known"]),
            Default(Preset::Text("assumed")),
            "Whether a device whose connection is not known is pushed to, or probed first.",
        ),
        key(
            "dynamic",
            Flag,
            Default(Preset::Flag(false)),
            "Whether devices that match later are taken too; they join the last cohort.",
        ),
    ],
};

pub(super) static DELIVERY: Section = Section {
    about: "A delivery and the devices it is for.",
    keys: &[
        key(
            "when",
            Text,
            Optional,
            "The devices it is for, in CEL; all that are left without it.",
        ),
        key("use", Text, Required, "The plugin."),
    ],
};

pub(super) static FILTER: Section = Section {
    about: "Which devices.",
    keys: &[
        key("plugin", Text, Required, "The plugin that decides."),
        key(
            "expression",
            Text,
            Optional,
            "What it is asked, in its own language.",
        ),
    ],
};

pub(super) static RETRY: Section = Section {
    about: "Further tries.",
    keys: &[
        key(
            "attempts",
            Count { least: 1 },
            Default(Preset::Count(DEFAULT_ATTEMPTS as u64)),
            "Tries per device, the first included.",
        ),
        key(
            "backoff",
            Length,
            Default(Preset::Length(DEFAULT_BACKOFF)),
            "Bound of the first wait; each further one doubles.",
        ),
        key(
            "max_backoff",
            Length,
            Default(Preset::Length(DEFAULT_MAX_BACKOFF)),
            "Bound of every wait.",
        ),
    ],
};

pub(super) static TIMEOUTS: Section = Section {
    about: "Limits on one try.",
    keys: &[
        key(
            "idle",
            Length,
            Default(Preset::Length(DEFAULT_IDLE)),
            "Longest time in which nothing moves.",
        ),
        key(
            "attempt",
            Length,
            Default(Preset::Length(DEFAULT_ATTEMPT)),
            "From its start until the device is verified.",
        ),
    ],
};

pub(super) static SETTLE: Section = Section {
    about: "How the outcome of a try is found out whose answer was lost.",
    keys: &[
        key(
            "grace",
            Length,
            Default(Preset::Length(DEFAULT_GRACE)),
            "How long a device that still runs another version may be flashing or rebooting.",
        ),
        key(
            "on_uncertain",
            Choice(&["dead-letter", "push-again"]),
            Default(Preset::Text("dead-letter")),
            "What to do with a device that never tells what it runs.",
        ),
    ],
};

pub(super) static ROLLBACK: Section = Section {
    about: "What takes the release back.",
    keys: &[
        key(
            "to",
            Text,
            Default(Preset::Text(PREVIOUS)),
            "`previous`: what each device ran before; or the version of one of `releases`.",
        ),
        key(
            "automatic",
            Flag,
            Default(Preset::Flag(true)),
            "Whether a policy that says roll back is obeyed, or only a person.",
        ),
        key(
            "concurrency",
            Count { least: 1 },
            Optional,
            "Transfers of a rollback at once; those of the engine without it.",
        ),
        key(
            "releases",
            List(&Kind::Section(&EARLIER)),
            Optional,
            "The releases that devices can go back to.",
        ),
    ],
};

pub(super) static EARLIER: Section = Section {
    about: "A release that devices can go back to.",
    keys: &[
        key("name", Name, Optional, "That of `[release]` without it."),
        key("version", Name, Required, "Such as `2.2.0`."),
        key(
            "payload",
            Text,
            Required,
            "A path relative to this file, or an http(s) URL.",
        ),
        key("sha256", Digest, Optional, "The payload's digest."),
        key(
            "media_type",
            Name,
            Default(Preset::Text(DEFAULT_MEDIA_TYPE)),
            "The payload's media type.",
        ),
    ],
};
