//! The statements that a transaction repeats.

use std::{cell::RefCell, ops::Deref, ptr};

use rusqlite::{CachedStatement, Connection, Params};

/// A connection that keeps at hand the statements that are run by [`execute`](Self::execute):
/// its own cache is looked up by the text of a statement, which costs as much as a short
/// statement itself.
pub(crate) struct Prepared<'a> {
    connection: &'a Connection,
    /// By where their text lies; few enough to be looked through.
    at_hand: RefCell<Vec<(&'static str, CachedStatement<'a>)>>,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            at_hand: RefCell::default(),
        }
    }

    /// How many rows `sql` changed.
    pub(crate) fn execute(
        &self,
        sql: &'static str,
        parameters: impl Params,
    ) -> rusqlite::Result<usize> {
        let mut at_hand = self.at_hand.borrow_mut();
        let found = at_hand.iter().position(|(text, _)| ptr::eq(*text, sql));
        let index = match found {
            Some(index) => index,
            None => {
                let statement = self.connection.prepare_cached(sql)?;
                at_hand.push((sql, statement));
                at_hand.len() - 1
            }
        };
        at_hand[index].1.execute(parameters)
    }
}

impl Deref for Prepared<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection
    }
}
