//! Why a plugin cannot be loaded, opened or called, in words for the person who has to do
//! something about it.

mod load;
mod open;
mod plugin;
mod start;

pub use load::LoadError;
pub use open::{OpenError, Place, Problem};
pub use plugin::{PluginError, PluginErrorKind};
pub use start::StartError;

/// What stands behind an error of ours, where a caller cannot do more than show it.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;
