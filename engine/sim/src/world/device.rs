use std::time::Duration;

use tokio::time::Instant;
use windlass_model::Verification;

/// What a device does with one push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    /// Takes it and says so.
    Takes,
    /// Takes it; its answer is lost.
    LosesAnswer,
    /// Takes it, says so, and drops it.
    Drops,
    /// Cuts the connection in the middle.
    CutsOff,
    /// Reports an error.
    Breaks,
    /// Asks for time.
    IsBusy,
    /// Refuses it for good.
    Rejects,
    /// The delivery traps in the middle.
    Traps,
}

/// A device of the world. It lives on whether or not the engine does.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) version: String,
    installing: Option<(Instant, String)>,
    /// It is not reached before this.
    away_until: Option<Instant>,
    /// It never tells its version.
    pub(super) mute: bool,
    /// Pushes that are sending to it now.
    pub(super) sending: u32,
}

/// A body that arrived whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// As it should be.
    First,
    /// The device ran that version, or was installing it.
    Again,
}

impl Device {
    pub(super) fn new(version: &str, mute: bool) -> Self {
        Self {
            version: version.to_owned(),
            installing: None,
            away_until: None,
            mute,
            sending: 0,
        }
    }

    pub(super) fn is_away(&self) -> bool {
        self.away_until.is_some_and(|until| Instant::now() < until)
    }

    pub(super) fn leave(&mut self, how_long: Duration) {
        self.away_until = Some(Instant::now() + how_long);
    }

    /// Takes a whole body; it is installed after `install`, unless that is none.
    pub(super) fn take(&mut self, version: &str, install: Option<Duration>) -> Arrival {
        self.settle();
        let installs_it = self
            .installing
            .as_ref()
            .is_some_and(|(_, coming)| coming == version);
        let arrival = if self.version == version || installs_it {
            Arrival::Again
        } else {
            Arrival::First
        };
        if let Some(install) = install {
            self.installing = Some((Instant::now() + install, version.to_owned()));
        }
        arrival
    }

    /// What it says that it runs, asked for `release`.
    pub(super) fn tells(&mut self, release: &str) -> Verification {
        self.settle();
        if self.mute {
            Verification::CannotTell
        } else if self.version == release {
            Verification::RunsRelease
        } else {
            Verification::RunsOther(self.version.clone())
        }
    }

    fn settle(&mut self) {
        if let Some((at, _)) = &self.installing
            && *at <= Instant::now()
            && let Some((_, version)) = self.installing.take()
        {
            self.version = version;
        }
    }
}
