//! Durable state: aggregate operations over SQLite.
