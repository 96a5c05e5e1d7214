use windlass_model::Observation;
use windlass_store::StoreHandle;

/// Where what probes find out is kept.
pub(super) struct Sightings(pub(super) StoreHandle);

impl Sightings {
    /// One that cannot be kept is found out again by the next probe.
    pub(super) async fn keep(&self, seen: Vec<Observation>) {
        if seen.is_empty() {
            return;
        }
        let kept = self.0.run(move |store| store.observe(&seen)).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!("what probes found out could not be kept");
        }
    }
}
