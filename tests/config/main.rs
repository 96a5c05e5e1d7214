//! The configuration, the files of devices and the command line: what is read from them, and
//! how what is wrong with them is told.

mod configuration;
mod device_files;
mod mistakes_in_configurations;
mod mistakes_in_device_files;
mod places;
mod schema;
mod support;
mod units;
mod usage;
