use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
    path::PathBuf,
    sync::Arc,
};

use windlass_model::{GroupLimit, PluginName, RolloutName, RolloutSettings, Sha256, SignalName};
use windlass_runtime::signals::SignalSource;
use windlass_store::Retention;

use super::{Expression, Settings};
use crate::diagnostic::{SourceFile, Span};

/// A configuration in which everything that can be judged from the file alone is right.
/// Paths in it are relative to the current directory, or absolute.
#[derive(Debug)]
pub struct Config {
    /// `[engine]`
    pub engine: EngineSection,
    /// `fleet.devices`; without it the devices are those that the state file has.
    pub devices: Option<Located<PathBuf>>,
    /// `[release]`
    pub release: ReleaseSection,
    /// `[plugins.NAME]`; every plugin that the rollout refers to is in it.
    pub plugins: BTreeMap<PluginName, PluginSection>,
    /// `[signals.NAME]`
    pub signals: BTreeMap<SignalName, SignalSection>,
    /// `[rollout]`
    pub rollout: RolloutSection,
    /// `[rollback]`
    pub rollback: RollbackSection,
    /// `[retention]`, of the process that owns the state file.
    pub retention: Retention,
    pub(super) source: Arc<SourceFile>,
}

/// A value with its place in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it is written.
    pub span: Span,
}

impl<T> Located<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Located<U> {
        Located {
            value: change(self.value),
            span: self.span,
        }
    }
}

/// The engine's own matters, overrides applied.
#[derive(Clone, Debug)]
pub struct EngineSection {
    /// Where state is kept.
    pub state: StateLocation,
    /// Where [`Self::state`] is written, if it is in the file.
    pub state_span: Option<Span>,
    /// Transfers at once, over all rollouts.
    pub concurrency: NonZeroUsize,
    /// Directory of downloaded payloads and compiled plugins.
    pub cache: PathBuf,
    /// Further tries a minute, over all rollouts; any number without it.
    pub retries_per_minute: Option<NonZeroU32>,
    /// Payload bytes a second, over all rollouts; any number without it.
    pub bandwidth: Option<NonZeroU64>,
    /// Bounds on groups of devices, over all rollouts; each field has one at most.
    pub limits: Vec<GroupLimit>,
}

/// Where state is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateLocation {
    /// `:memory:`: nowhere.
    Memory,
    /// In this file.
    File(PathBuf),
}

/// The release before its payload was looked at.
#[derive(Clone, Debug)]
pub struct ReleaseSection {
    /// Such as `pos-app`.
    pub name: String,
    /// Such as `2.3.0`.
    pub version: Located<String>,
    /// Where its payload is.
    pub payload: Located<PayloadLocation>,
    /// What its payload's digest must be, if that is told.
    pub sha256: Option<Located<Sha256>>,
    /// Of the payload.
    pub media_type: String,
}

/// What takes the release back.
#[derive(Clone, Debug)]
pub struct RollbackSection {
    /// What to.
    pub to: RollbackTo,
    /// Whether a policy that says roll back is obeyed.
    pub automatic: bool,
    /// Transfers of a rollback at once; those of the engine without it.
    pub concurrency: Option<NonZeroU32>,
    /// What devices can go back to; versions are unique, and none is the release's own.
    pub releases: Vec<ReleaseSection>,
}

/// What devices go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RollbackTo {
    /// What each ran before.
    Previous,
    /// The version of one of [`RollbackSection::releases`].
    Version(String),
}

/// Where a payload is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadLocation {
    /// A file, read in place.
    File(PathBuf),
    /// An `http://` or `https://` URL.
    Url(String),
}

/// A configured plugin.
#[derive(Clone, Debug)]
pub struct PluginSection {
    /// Where its component is.
    pub component: Located<ComponentLocation>,
    /// What it is opened with.
    pub settings: Settings,
    /// The table's header.
    pub span: Span,
}

/// A configured signal.
#[derive(Clone, Debug)]
pub struct SignalSection {
    /// Where and how it is measured.
    pub source: Arc<SignalSource>,
    /// The table's header.
    pub span: Span,
}

/// Where a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ComponentLocation {
    /// In the binary, under this name.
    Builtin(String),
    /// In this file.
    File(PathBuf),
}

/// The rollout before it was planned.
#[derive(Clone, Debug)]
pub struct RolloutSection {
    /// Its name.
    pub name: Located<RolloutName>,
    /// In order; the first whose `when` matches takes the device, and only the last one
    /// has none.
    pub deliveries: Vec<DeliveryChoice>,
    /// Which devices; all of them without it.
    pub filter: Option<FilterSection>,
    /// How fast; never empty ([`IMMEDIATE_POLICY`](super::IMMEDIATE_POLICY)).
    pub policies: Vec<Located<PluginName>>,
    /// Policies that are asked beside those and never obeyed; none of them is in force.
    pub shadows: Vec<Located<PluginName>>,
    /// Its rules.
    pub settings: RolloutSettings,
}

/// A delivery and the devices it is for.
#[derive(Clone, Debug)]
pub struct DeliveryChoice {
    /// The devices it is for, in CEL; all of them without it.
    pub when: Option<Expression>,
    /// The plugin.
    pub plugin: Located<PluginName>,
}

/// A filter in use.
#[derive(Clone, Debug)]
pub struct FilterSection {
    /// The plugin.
    pub plugin: Located<PluginName>,
    /// In the plugin's own language.
    pub expression: Option<Expression>,
}
