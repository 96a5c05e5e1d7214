//! Whether a database is whole.

use crate::{Store, StoreError};

/// A sentence, and a query of the rows that it is true of.
const RULES: [(&str, &str); 7] = [
    (
        "an event is missing from the log",
        "SELECT 1 FROM (SELECT count(*) AS events, coalesce(max(seq), 0) AS last FROM event) \
         LEFT JOIN counter ON name = 'dropped_events' \
         WHERE events + coalesce(value, 0) <> last",
    ),
    (
        "a decision is packed with what is missing",
        "SELECT 1 FROM packed AS d \
         WHERE NOT EXISTS (SELECT 1 FROM pattern AS p WHERE p.id = d.pattern)",
    ),
    (
        "an assignment names an attempt that is not its own",
        "SELECT 1 FROM assignment AS a LEFT JOIN attempt AS t ON t.id = a.attempt \
         WHERE a.attempt IS NOT NULL AND t.assignment IS NOT a.id",
    ),
    (
        "an attempt fences a device that is not its assignment's",
        "SELECT 1 FROM attempt AS t JOIN assignment AS a ON a.id = t.assignment \
         WHERE a.device <> t.device",
    ),
    (
        "an attempt id may be given out again",
        "SELECT 1 FROM attempt JOIN counter ON name = 'next_attempt' WHERE id >= value",
    ),
    (
        "an assignment is in no cohort of its rollout",
        "SELECT 1 FROM assignment AS a LEFT JOIN cohort AS c \
         ON c.rollout = a.rollout AND c.position = a.cohort WHERE c.rollout IS NULL",
    ),
    (
        "a cohort has not as many assignments as its rollout plans",
        "SELECT 1 FROM rollout AS r, json_each(r.plan, '$.cohorts') AS c \
         WHERE json_extract(c.value, '$.size') <> (SELECT count(*) FROM assignment AS a \
         WHERE a.id > r.key << 32 AND a.id < (r.key + 1) << 32 AND a.cohort = c.key)",
    ),
];

impl Store {
    /// What is wrong with the database, in sentences; nothing if it is whole. Reads all of
    /// it.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut problems = Vec::new();
        let mut statement = self.connection.prepare("PRAGMA integrity_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let answer: String = row.get(0)?;
            if answer != "ok" {
                problems.push(answer);
            }
        }
        let mut statement = self.connection.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (table, other): (String, String) = (row.get(0)?, row.get(2)?);
            problems.push(format!("a row of {table} names a missing row of {other}"));
        }
        for (sentence, rows) in RULES {
            if self.connection.prepare(rows)?.exists([])? {
                problems.push(sentence.to_owned());
            }
        }
        Ok(problems)
    }
}
