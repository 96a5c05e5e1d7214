//! The command `windlass`.

fn main() {}
