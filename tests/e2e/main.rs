//! The main job through the built binary: real devices on real sockets, real state files,
//! real components. Each file tells one part of the promise.

mod bad_input;
mod broken_senders;
mod clocks;
mod cohorts;
mod commands;
mod condemned;
mod crashes;
mod decisions;
mod devices;
mod disk;
mod holds;
mod interrupt;
mod limits;
mod limits_of_groups;
mod payload;
mod plugins;
mod policies;
mod replay;
mod resume;
mod retention;
mod scenarios;
mod several;
mod shadows;
mod signals;
mod simulate;
mod sites;
mod steering;
mod steering_at_rest;
mod support;
mod swap;
mod taken_back;
mod terminal;
mod uncertain;
mod verdict;
mod why;
