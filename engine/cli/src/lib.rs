//! What stands behind the command `windlass`: its configuration, the files it reads and
//! the way it reports what is wrong with them. The binary is a thin shell over this.

pub mod args;
pub mod command;
pub mod config;
pub mod console;
pub mod control;
pub mod devices;
pub mod diagnostic;
pub mod exit;
pub mod memory;
pub mod owner;
pub mod render;
pub mod replay;
pub mod setup;
pub mod simulate;
pub mod units;
pub mod why;
