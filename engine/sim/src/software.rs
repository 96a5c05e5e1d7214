//! The version a device runs, one that is being installed, and one to fall back to.

use std::time::{Duration, Instant};

use windlass_model::{Sha256, Timestamp};

use crate::behaviour::{Install, Meanwhile};

/// Versions kept per device, oldest dropped first: far more than a test installs.
const MOST_VERSIONS: usize = 16;

pub(crate) struct Software {
    running: Image,
    coming: Option<Coming>,
    /// What runs again, and from when.
    fallback: Option<(Instant, Image)>,
    /// Of what was installed last.
    pub(crate) installed_sha256: Option<Sha256>,
    /// Every version that was ever installed or fallen back to, in order, the first one
    /// included.
    pub(crate) versions: Vec<String>,
}

/// What is installed at once.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) version: String,
    /// `None` for the one a device starts with, and where bodies are not hashed.
    pub(crate) sha256: Option<Sha256>,
    pub(crate) at: Timestamp,
    /// Whether the device garbles its version report while it runs this.
    pub(crate) garbled: bool,
}

/// How an installation goes.
#[derive(Clone, Copy)]
pub(crate) struct Course {
    /// Until it is written.
    pub(crate) takes: Duration,
    /// From then until it runs.
    pub(crate) reboot: Duration,
    /// How long it runs, if not for good.
    pub(crate) lasts: Option<Duration>,
}

struct Coming {
    written_at: Instant,
    runs_at: Instant,
    lasts: Option<Duration>,
    image: Image,
}

/// What a device says of its version.
pub(crate) enum Says {
    Image(Image),
    Busy,
    Garbled,
}

impl Software {
    pub(crate) fn new(version: Option<&str>, at: Timestamp) -> Self {
        let version = version.unwrap_or_default().to_owned();
        let versions = if version.is_empty() {
            Vec::new()
        } else {
            vec![version.clone()]
        };
        let running = Image {
            version,
            sha256: None,
            at,
            garbled: false,
        };
        Self {
            running,
            coming: None,
            fallback: None,
            installed_sha256: None,
            versions,
        }
    }

    pub(crate) fn install(&mut self, image: Image, course: Course, now: Instant) {
        self.settle(now);
        self.note(image.version.clone());
        self.installed_sha256 = image.sha256;
        let written_at = now + course.takes;
        self.coming = Some(Coming {
            written_at,
            runs_at: written_at + course.reboot,
            lasts: course.lasts,
            image,
        });
        self.settle(now);
    }

    pub(crate) fn says(&mut self, install: Install, now: Instant) -> Says {
        self.settle(now);
        match (&self.coming, install.meanwhile) {
            (Some(_), Meanwhile::Unavailable) => Says::Busy,
            (Some(_), Meanwhile::OldVersion) | (None, _) if self.running.garbled => Says::Garbled,
            (Some(_), Meanwhile::OldVersion) | (None, _) => Says::Image(self.running.clone()),
        }
    }

    /// Whether the device restarts to run what it has written.
    pub(crate) fn reboots(&self, now: Instant) -> bool {
        self.coming
            .as_ref()
            .is_some_and(|coming| coming.written_at <= now && now < coming.runs_at)
    }

    /// What is, or is about to be, installed.
    pub(crate) fn newest(&self) -> &Image {
        self.coming
            .as_ref()
            .map_or(&self.running, |coming| &coming.image)
    }

    /// What was to run again some day runs now. Whether there was such a thing.
    pub(crate) fn fall_back(&mut self, now: Instant) -> bool {
        self.settle(now);
        let falls = self.fallback.is_some();
        if let Some((at, _)) = &mut self.fallback {
            *at = now;
        }
        self.settle(now);
        falls
    }

    /// The version that runs at this moment.
    pub(crate) fn running(&mut self, now: Instant) -> &str {
        self.settle(now);
        &self.running.version
    }

    fn settle(&mut self, now: Instant) {
        if let Some(coming) = self.coming.take_if(|coming| coming.runs_at <= now) {
            let before = std::mem::replace(&mut self.running, coming.image);
            self.fallback = coming.lasts.map(|lasts| (coming.runs_at + lasts, before));
        }
        if let Some((_, before)) = self.fallback.take_if(|(at, _)| *at <= now) {
            self.note(before.version.clone());
            self.running = before;
        }
    }

    fn note(&mut self, version: String) {
        if self.versions.len() == MOST_VERSIONS {
            self.versions.remove(0);
        }
        self.versions.push(version);
    }
}
