use std::{collections::BTreeMap, fs, path::PathBuf, sync::Arc};

use serde_json::Value;
use windlass_host::{
    DeliveryOptions, Filter, Host, LoadError, OpenError, Place, Plugin, PluginError, Policy,
    Problem,
};
use windlass_model::{PluginName, PluginPin, Sha256};
use windlass_runtime::{DeliveryPart, FilterPart, PolicyPart, signals::SignalSource};

use super::{signals::asked_for, with_causes};
use crate::{
    config::{ComponentLocation, Config, Expression, Located},
    diagnostic::{Diagnostic, Diagnostics, nearest, quote},
};

/// The plugin that conditions in `delivery = [{ when = … }]` are written for.
const CONDITION_PLUGIN: &str = "filter-cel";

/// A component in use, with its bytes.
pub struct Loaded {
    /// The loaded plugin.
    pub plugin: Plugin,
    /// The component.
    pub bytes: bytes::Bytes,
}

/// What a policy or the filter was opened with.
pub struct PolicySettings {
    /// By which its decisions, or its rollouts, cite them.
    pub digest: Sha256,
    /// Canonical JSON.
    pub json: String,
}

/// The plugins of a rollout.
pub(super) struct Opened {
    pub(super) filter: Option<FilterPart>,
    pub(super) policies: Vec<PolicyPart>,
    pub(super) shadows: Vec<PolicyPart>,
    pub(super) deliveries: Vec<DeliveryPart>,
    pub(super) components: Vec<Loaded>,
    pub(super) policy_settings: Vec<PolicySettings>,
}

/// The policies of a configuration, opened.
pub struct OpenedPolicies {
    /// In configured order.
    pub policies: Vec<PolicyPart>,
    /// What each of them was opened with.
    pub settings: Vec<Value>,
    /// Their components.
    pub components: Vec<Loaded>,
    /// Where the signals are measured that they ask for.
    pub signals: Vec<Arc<SignalSource>>,
}

impl OpenedPolicies {
    /// Their identities, in configured order.
    pub fn pins(&self) -> Vec<PluginPin> {
        self.policies.iter().map(|part| part.pin.clone()).collect()
    }
}

/// Why a component's bytes cannot be had.
pub enum ComponentError {
    /// The file cannot be read.
    Unreadable(PathBuf, std::io::Error),
    /// There is no such built-in plugin.
    NoBuiltin,
}

/// The bytes of a component.
///
/// # Errors
/// If there is no such file or built-in plugin.
pub fn component_bytes(location: &ComponentLocation) -> Result<bytes::Bytes, ComponentError> {
    match location {
        ComponentLocation::Builtin(name) => windlass_builtin::builtin(name)
            .map(bytes::Bytes::from_static)
            .ok_or(ComponentError::NoBuiltin),
        ComponentLocation::File(path) => fs::read(path)
            .map(bytes::Bytes::from)
            .map_err(|cause| ComponentError::Unreadable(path.clone(), cause)),
    }
}

/// Loads a component; errors have no place in a file yet.
///
/// # Errors
/// If its bytes cannot be had, or are no plugin.
pub(super) async fn load_plugin(
    host: &Host,
    name: PluginName,
    location: &ComponentLocation,
) -> Result<Loaded, Diagnostic> {
    let bytes = component_bytes(location).map_err(|error| match error {
        ComponentError::Unreadable(path, cause) => Diagnostic::error(format!(
            "cannot read the component {}: {cause}",
            path.display()
        )),
        ComponentError::NoBuiltin => Diagnostic::error("there is no such built-in plugin"),
    })?;
    let plugin = host
        .load(name, bytes.clone())
        .await
        .map_err(|error: LoadError| with_causes(Diagnostic::error(error.to_string()), &error))?;
    Ok(Loaded { plugin, bytes })
}

/// Loads and opens every configured plugin, those that the rollout does not use included.
pub(super) async fn open_all(config: &Config, host: &Host) -> Result<Opened, Diagnostics> {
    let mut problems = Diagnostics::new();
    let loaded = load_those(config, host, |_| true, &mut problems).await;
    let opener = Opener {
        config,
        host,
        loaded: &loaded,
    };
    let filter = keep(&mut problems, opener.filter().await);
    let mut policies = Vec::new();
    for policy in &config.rollout.policies {
        policies.extend(keep(&mut problems, opener.policy(policy).await));
    }
    let mut shadows = Vec::new();
    for shadow in &config.rollout.shadows {
        shadows.extend(keep(&mut problems, opener.policy(shadow).await));
    }
    let mut deliveries = Vec::new();
    for choice in &config.rollout.deliveries {
        deliveries.extend(keep(
            &mut problems,
            opener.delivery(&choice.plugin, choice.when.as_ref()).await,
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let filter = filter.flatten();
    // Filters are asked again by those who want to know why a device was not selected.
    let filters = filter.iter().map(|part| &part.pin);
    let policy_settings = policies
        .iter()
        .chain(&shadows)
        .map(|part| &part.pin)
        .chain(filters)
        .map(|pin| PolicySettings {
            digest: pin.settings,
            json: canonical(&opener.settings(&pin.name)),
        })
        .collect();
    let components = loaded
        .into_values()
        .map(|(component, _)| component)
        .collect();
    Ok(Opened {
        filter,
        policies,
        shadows,
        deliveries,
        components,
        policy_settings,
    })
}

/// Opens one configured plugin as a policy, whether or not the rollout uses it.
///
/// # Errors
/// If there is no such plugin, it is no policy, or it refuses its settings.
pub async fn open_policy(
    config: &Config,
    host: &Host,
    name: &PluginName,
) -> Result<PolicyPart, Diagnostics> {
    let place = named(config, name)?;
    let mut problems = Diagnostics::new();
    let loaded = load_those(config, host, |other| other == name, &mut problems).await;
    let opener = Opener {
        config,
        host,
        loaded: &loaded,
    };
    let opened = keep(&mut problems, opener.policy(&place).await);
    opened.filter(|_| problems.is_empty()).ok_or(problems)
}

/// A plugin that a person named, and where it is defined.
///
/// # Errors
/// If there is none.
pub fn named(config: &Config, name: &PluginName) -> Result<Located<PluginName>, Diagnostics> {
    let Some(section) = config.plugins.get(name) else {
        let known = config.plugins.keys().map(PluginName::as_str);
        let error = Diagnostic::error(format!(
            "the configuration has no plugin {}",
            quote(name.as_str())
        ));
        return Err(match nearest(name.as_str(), known) {
            Some(meant) => error.help(format!("did you mean {}?", quote(meant))),
            None => error.help("add it as `[plugins.NAME]`"),
        }
        .into());
    };
    Ok(Located {
        value: name.clone(),
        span: section.span,
    })
}

/// Loads and opens the policies of a configuration, and no other plugin.
///
/// # Errors
/// Everything that is wrong with them.
pub async fn open_policies(config: &Config, host: &Host) -> Result<OpenedPolicies, Diagnostics> {
    open_as_policies(config, host, &config.rollout.policies).await
}

/// Loads and opens plugins of a configuration as policies, and no other plugin.
///
/// # Errors
/// Everything that is wrong with them.
pub async fn open_as_policies(
    config: &Config,
    host: &Host,
    wanted: &[Located<PluginName>],
) -> Result<OpenedPolicies, Diagnostics> {
    let mut problems = Diagnostics::new();
    let is_wanted = |name: &PluginName| wanted.iter().any(|policy| policy.value == *name);
    let loaded = load_those(config, host, is_wanted, &mut problems).await;
    let opener = Opener {
        config,
        host,
        loaded: &loaded,
    };
    let mut policies = Vec::new();
    for policy in wanted {
        policies.extend(keep(&mut problems, opener.policy(policy).await));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let signals = asked_for(config, &policies)?;
    let settings = policies
        .iter()
        .map(|part| opener.settings(&part.pin.name))
        .collect();
    Ok(OpenedPolicies {
        policies,
        settings,
        components: loaded.into_values().map(|(loaded, _)| loaded).collect(),
        signals,
    })
}

/// Opens a policy from what a state file keeps of it.
///
/// # Errors
/// If it does not open any more.
pub async fn open_kept_policy(
    host: &Host,
    pin: &PluginPin,
    bytes: Vec<u8>,
    settings: &str,
) -> Result<Policy, Diagnostic> {
    let broken = |error: &dyn std::error::Error| {
        let what = format!("the earlier policy `{}` does not open any more", pin.name);
        with_causes(Diagnostic::warning(format!("{what}: {error}")), error)
    };
    let settings = serde_json::from_str(settings).map_err(|error| broken(&error))?;
    let plugin = host
        .load(pin.name.clone(), bytes.into())
        .await
        .map_err(|error| broken(&error))?;
    plugin
        .policy(&settings)
        .await
        .map_err(|error| broken(&error))
}

/// Loads configured plugins and checks their settings; what is wrong is added to `problems`.
async fn load_those(
    config: &Config,
    host: &Host,
    wanted: impl Fn(&PluginName) -> bool,
    problems: &mut Diagnostics,
) -> BTreeMap<PluginName, (Loaded, bool)> {
    let mut loaded = BTreeMap::new();
    for (name, section) in config.plugins.iter().filter(|(name, _)| wanted(name)) {
        match load_at(config, host, name, &section.component).await {
            Ok(component) => {
                let refused = component.plugin.check_settings(section.settings.value());
                for problem in &refused {
                    problems.push(diagnose(config, name, problem, None));
                }
                loaded.insert(name.clone(), (component, refused.is_empty()));
            }
            Err(problem) => problems.push(problem),
        }
    }
    loaded
}

/// Opens the built-in CEL filter with an expression of the command line.
///
/// # Errors
/// If the expression is none.
pub async fn open_filter(host: &Host, expression: &str) -> Result<Filter, Diagnostics> {
    let location = ComponentLocation::Builtin(CONDITION_PLUGIN.into());
    let loaded = load_plugin(host, PluginName::new(CONDITION_PLUGIN), &location).await?;
    loaded
        .plugin
        .filter(Some(expression), &empty())
        .await
        .map_err(|error| match error {
            OpenError::Refused(problems) => problems
                .into_iter()
                .map(|problem| {
                    let place = match &problem.place {
                        Place::Expression(part) => format!(" (column {})", part.start + 1),
                        Place::Settings | Place::Setting(_) | Place::UnknownSetting(_) => {
                            String::new()
                        }
                    };
                    let diagnostic = Diagnostic::error(format!(
                        "the filter expression does not parse{place}: {}",
                        problem.message
                    ));
                    hinted(diagnostic, &problem)
                })
                .collect(),
            OpenError::WrongKind { .. } | OpenError::Plugin(_) => {
                Diagnostics::from(with_causes(Diagnostic::error(error.to_string()), &error))
            }
        })
}

fn keep<T>(problems: &mut Diagnostics, result: Result<T, Diagnostics>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(found) => {
            problems.append(found);
            None
        }
    }
}

async fn load_at(
    config: &Config,
    host: &Host,
    name: &PluginName,
    component: &Located<ComponentLocation>,
) -> Result<Loaded, Diagnostic> {
    let bytes = component_bytes(&component.value).map_err(|error| match error {
        ComponentError::Unreadable(path, cause) => config
            .error_at(
                component.span,
                format!("cannot read the component {}: {cause}", path.display()),
            )
            .help("paths are relative to the configuration file"),
        ComponentError::NoBuiltin => {
            config.error_at(component.span, "there is no such built-in plugin")
        }
    })?;
    let plugin = host
        .load(name.clone(), bytes.clone())
        .await
        .map_err(|error: LoadError| {
            with_causes(config.error_at(component.span, error.to_string()), &error)
        })?;
    Ok(Loaded { plugin, bytes })
}

struct Opener<'a> {
    config: &'a Config,
    host: &'a Host,
    loaded: &'a BTreeMap<PluginName, (Loaded, bool)>,
}

impl Opener<'_> {
    /// The plugin, unless something was wrong with it that has been said already.
    fn plugin(&self, name: &PluginName) -> Result<&Plugin, Diagnostics> {
        match self.loaded.get(name) {
            Some((loaded, true)) => Ok(&loaded.plugin),
            Some((_, false)) | None => Err(Diagnostics::new()),
        }
    }

    fn settings(&self, name: &PluginName) -> Value {
        self.config
            .plugins
            .get(name)
            .map_or_else(empty, |section| section.settings.value().clone())
    }

    fn pin(&self, plugin: &Plugin, name: &PluginName) -> PluginPin {
        PluginPin {
            name: name.clone(),
            component: plugin.digest(),
            settings: settings_digest(&self.settings(name)),
        }
    }

    async fn filter(&self) -> Result<Option<FilterPart>, Diagnostics> {
        let Some(section) = &self.config.rollout.filter else {
            return Ok(None);
        };
        let name = &section.plugin.value;
        let plugin = self.plugin(name)?;
        let expression = section.expression.as_ref();
        let text = expression.map(|expression| expression.text.as_str());
        let filter = plugin
            .filter(text, &self.settings(name))
            .await
            .map_err(|error| self.refused(&section.plugin, &error, expression))?;
        Ok(Some(FilterPart {
            pin: self.pin(plugin, name),
            expression: text.map(str::to_owned),
            filter,
        }))
    }

    async fn policy(&self, name: &Located<PluginName>) -> Result<PolicyPart, Diagnostics> {
        let plugin = self.plugin(&name.value)?;
        let policy = plugin
            .policy(&self.settings(&name.value))
            .await
            .map_err(|error| self.refused(name, &error, None))?;
        Ok(PolicyPart {
            pin: self.pin(plugin, &name.value),
            policy,
        })
    }

    async fn delivery(
        &self,
        name: &Located<PluginName>,
        when: Option<&Expression>,
    ) -> Result<DeliveryPart, Diagnostics> {
        let plugin = self.plugin(&name.value)?;
        let when = match when {
            Some(expression) => Some(self.condition(expression).await?),
            None => None,
        };
        let delivery = plugin
            .delivery(&self.settings(&name.value), DeliveryOptions::default())
            .await
            .map_err(|error| self.refused(name, &error, None))?;
        Ok(DeliveryPart {
            pin: self.pin(plugin, &name.value),
            when,
            delivery,
        })
    }

    async fn condition(&self, expression: &Expression) -> Result<Filter, Diagnostics> {
        let location = ComponentLocation::Builtin(CONDITION_PLUGIN.into());
        let name = PluginName::new(CONDITION_PLUGIN);
        let loaded = load_plugin(self.host, name.clone(), &location).await?;
        let opened = loaded.plugin.filter(Some(&expression.text), &empty()).await;
        let place = Located {
            value: name,
            span: expression.span,
        };
        opened.map_err(|error| self.refused(&place, &error, Some(expression)))
    }

    fn refused(
        &self,
        name: &Located<PluginName>,
        error: &OpenError,
        expression: Option<&Expression>,
    ) -> Diagnostics {
        match error {
            OpenError::Refused(problems) => problems
                .iter()
                .map(|problem| diagnose(self.config, &name.value, problem, expression))
                .collect(),
            OpenError::WrongKind { .. } => {
                self.config.error_at(name.span, error.to_string()).into()
            }
            OpenError::Plugin(cause) => {
                with_causes(self.config.error_at(name.span, trouble(cause)), cause).into()
            }
        }
    }
}

fn trouble(error: &PluginError) -> String {
    error.to_string()
}

/// A plugin's complaint at the line it speaks of.
fn diagnose(
    config: &Config,
    plugin: &PluginName,
    problem: &Problem,
    expression: Option<&Expression>,
) -> Diagnostic {
    let span = match (&problem.place, expression) {
        (Place::Expression(part), Some(expression)) => config.locate_in(expression, part.clone()),
        (Place::Settings, Some(expression)) => expression.span,
        (Place::Expression(_) | Place::Settings, None) => config.locate(plugin, ""),
        (Place::UnknownSetting(pointer), _) => config.locate_key(plugin, pointer),
        (Place::Setting(pointer), _) => config.locate(plugin, pointer),
    };
    hinted(config.error_at(span, problem.message.clone()), problem)
}

fn hinted(diagnostic: Diagnostic, problem: &Problem) -> Diagnostic {
    match &problem.hint {
        Some(hint) => diagnostic.help(crate::diagnostic::clean(hint)),
        None => diagnostic,
    }
}

fn empty() -> Value {
    Value::Object(serde_json::Map::new())
}

/// JSON with sorted keys, so that the order in a file does not matter.
fn canonical(settings: &Value) -> String {
    // serde_json keeps objects sorted unless its `preserve_order` is on, which it is not.
    settings.to_string()
}

fn settings_digest(settings: &Value) -> Sha256 {
    use sha2::Digest as _;
    Sha256(sha2::Sha256::digest(canonical(settings)).into())
}
