//! Whether a device is on the network.

use std::time::Instant;

use tokio::sync::watch;

#[derive(Clone, Copy)]
enum State {
    Online,
    Offline {
        /// When it comes online by itself.
        until: Option<Instant>,
    },
}

impl State {
    fn is_online(self) -> bool {
        match self {
            Self::Online => true,
            Self::Offline { until } => until.is_some_and(|at| at <= Instant::now()),
        }
    }
}

/// Whether a device is on the network, for all who wait for a change of it.
pub(crate) struct Presence(watch::Sender<State>);

impl Presence {
    pub(crate) fn online() -> Self {
        Self(watch::Sender::new(State::Online))
    }

    pub(crate) fn offline(until: Option<Instant>) -> Self {
        Self(watch::Sender::new(State::Offline { until }))
    }

    pub(crate) fn connect(&self) {
        self.0.send_replace(State::Online);
    }

    pub(crate) fn disconnect(&self) {
        self.0.send_replace(State::Offline { until: None });
    }

    pub(crate) fn is_online(&self) -> bool {
        self.0.borrow().is_online()
    }

    /// Returns when the device goes offline.
    pub(crate) async fn goes_offline(&self) {
        let mut changes = self.0.subscribe();
        // An error would mean that the device is gone, and then it is offline, too.
        let _ = changes.wait_for(|state| !state.is_online()).await;
    }

    /// Returns when the device is online.
    pub(crate) async fn comes_online(&self) {
        let mut changes = self.0.subscribe();
        loop {
            let state = *changes.borrow_and_update();
            let by_itself = async {
                match state {
                    State::Online => {}
                    State::Offline { until: Some(at) } => {
                        tokio::time::sleep_until(at.into()).await;
                    }
                    State::Offline { until: None } => std::future::pending().await,
                }
            };
            tokio::select! {
                () = by_itself => return,
                _ = changes.changed() => {}
            }
        }
    }
}
