use std::collections::BTreeSet;

use windlass_model::{DeviceId, DeviceKey};

use crate::{Store, StoreError};

/// That the device of a row, `d`, may be of the fleet.
pub(crate) const IN_SERVICE: &str =
    "NOT EXISTS (SELECT 1 FROM decommissioned WHERE device = d.key)";

impl Store {
    /// Takes a device out of service, or back in; what is known of it is kept. One that is
    /// out of service is in no fleet, whatever an import lists. Returns whether there is such
    /// a device.
    pub fn set_decommissioned(&mut self, id: &DeviceId, out: bool) -> Result<bool, StoreError> {
        let transaction = self.connection.transaction()?;
        let changed = transaction.execute(
            "UPDATE device SET listed = ?2 WHERE id = ?1",
            (id.as_str(), !out),
        )?;
        transaction.execute(
            if out {
                "INSERT OR IGNORE INTO decommissioned SELECT key FROM device WHERE id = ?1"
            } else {
                "DELETE FROM decommissioned \
                 WHERE device = (SELECT key FROM device WHERE id = ?1)"
            },
            [id.as_str()],
        )?;
        transaction.commit()?;
        Ok(changed == 1)
    }

    /// Those of `devices` that are out of service, whatever rollout they were planned into.
    pub fn decommissioned(&self, devices: &[DeviceKey]) -> Result<BTreeSet<DeviceKey>, StoreError> {
        let mut out = BTreeSet::new();
        // Most fleets have none.
        let mut any = self
            .connection
            .prepare_cached("SELECT 1 FROM decommissioned")?;
        if !any.exists([])? {
            return Ok(out);
        }
        let mut statement = self
            .connection
            .prepare_cached("SELECT 1 FROM decommissioned WHERE device = ?1")?;
        for device in devices {
            if statement.exists([device.0])? {
                out.insert(*device);
            }
        }
        Ok(out)
    }
}
