//! What the engine allows itself, for those who ask later what a device waited for.

use rusqlite::{OptionalExtension as _, params};
use windlass_model::EngineBounds;

use crate::{
    Store, StoreError,
    json::{parse, to_json},
};

impl Store {
    /// Keeps the bounds of the engine that has this file now.
    pub fn put_bounds(&mut self, bounds: &EngineBounds) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT OR REPLACE INTO bounds (id, json) VALUES (0, ?1)",
            params![to_json("bounds of an engine", bounds)?],
        )?;
        Ok(())
    }

    /// The bounds of the engine that had this file last, if one had.
    pub fn bounds(&self) -> Result<Option<EngineBounds>, StoreError> {
        let json: Option<String> = self
            .connection
            .query_row("SELECT json FROM bounds", [], |row| row.get(0))
            .optional()?;
        json.map(|json| parse("bounds of an engine", &json))
            .transpose()
    }
}
