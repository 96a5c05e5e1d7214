//! Write plugins for Windlass in Rust.
