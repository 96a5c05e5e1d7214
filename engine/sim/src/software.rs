//! The version a device runs, and one that is being installed.

use std::time::Instant;

use windlass_model::{Sha256, Timestamp};

use crate::behaviour::{Install, Meanwhile};

/// Versions kept per device, oldest dropped first: far more than a test installs.
const MOST_VERSIONS: usize = 16;

pub(crate) struct Software {
    running: Image,
    coming: Option<(Instant, Image)>,
    /// Every version that was ever installed, in order, the first one included.
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

/// What a device says of its version.
pub(crate) enum Says {
    Image(Image),
    Busy,
    Garbled,
}

impl Software {
    pub(crate) fn new(version: Option<&String>, at: Timestamp) -> Self {
        let version = version.cloned().unwrap_or_default();
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
            versions,
        }
    }

    pub(crate) fn install(&mut self, image: Image, install: Install, now: Instant) {
        self.settle(now);
        if self.versions.len() == MOST_VERSIONS {
            self.versions.remove(0);
        }
        self.versions.push(image.version.clone());
        if install.takes.is_zero() {
            self.running = image;
        } else {
            self.coming = Some((now + install.takes, image));
        }
    }

    pub(crate) fn says(&mut self, install: Install, now: Instant) -> Says {
        self.settle(now);
        match (&self.coming, install.meanwhile) {
            (Some(_), Meanwhile::Unavailable) => Says::Busy,
            (Some(_), Meanwhile::OldVersion) | (None, _) if self.running.garbled => Says::Garbled,
            (Some(_), Meanwhile::OldVersion) | (None, _) => Says::Image(self.running.clone()),
        }
    }

    /// What is, or is about to be, installed.
    pub(crate) fn newest(&self) -> &Image {
        self.coming
            .as_ref()
            .map_or(&self.running, |(_, image)| image)
    }

    /// The version that runs at this moment.
    pub(crate) fn running(&mut self, now: Instant) -> &str {
        self.settle(now);
        &self.running.version
    }

    fn settle(&mut self, now: Instant) {
        if let Some((_, image)) = self.coming.take_if(|(at, _)| *at <= now) {
            self.running = image;
        }
    }
}
