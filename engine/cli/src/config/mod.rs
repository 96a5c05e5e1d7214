//! The configuration: one TOML file that says what goes where, and how.
//!
//! [`load_config`] reads it, and reports everything that is wrong with it at once, at the
//! line and column where it is wrong. What only a plugin or the world can judge (settings,
//! expressions, whether a payload is there) is judged later; for that a [`Config`] keeps
//! the places of its values, and makes a [`Diagnostic`](crate::diagnostic::Diagnostic) of
//! what the others found.
//!
//! - `schema` and `keys`: which keys there are; unknown keys, defaults and the JSON Schema
//!   all come from there.
//! - `reader`: typed access to a table, which never stops at the first problem.
//! - `sections`: a file for each table of the configuration.
//! - `in_force`: what one configuration's `[engine]` says that another's has settled.
//! - `settings` and `expression`: from a plugin's JSON pointer or byte offset back to the
//!   line of the file.

mod check;
mod defaults;
mod expression;
mod in_force;
mod keys;
mod load;
mod overrides;
mod problem;
mod reader;
mod schema;
mod sections;
mod settings;
mod types;

pub use defaults::*;
pub use expression::Expression;
pub use load::load_config;
pub use overrides::Overrides;
pub use schema::json_schema;
pub use sections::{field_text, parse_field};
pub use settings::Settings;
pub use types::{
    ComponentLocation, Config, DeliveryChoice, EngineSection, FilterSection, Located,
    PayloadLocation, PluginSection, ReleaseSection, RollbackSection, RollbackTo, RolloutSection,
    SignalSection, StateLocation,
};
