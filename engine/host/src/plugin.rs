use std::sync::Arc;

use serde_json::Value;
use windlass_model::{PluginName, Sha256};

use crate::{
    CONTRACT_VERSION, Delivery, DeliveryOptions, Filter, Inspection, Kind, LoadError, OpenError,
    Place, Policy, Problem,
    contract::{
        Contract as _, DeliveryContract, Description, Facts, FilterContract, Opening,
        PolicyContract,
    },
    guest::Template,
    load::Surface,
    settings::SettingsSchema,
};

/// A component that was loaded, checked and described. Cheap to clone.
#[derive(Clone)]
pub struct Plugin(Arc<Inner>);

struct Inner {
    loaded: Loaded,
    described: Described,
    digest: Sha256,
    size: usize,
    surface: Surface,
}

/// What instances of it are made from.
#[derive(Clone)]
pub(crate) enum Loaded {
    Filter(Arc<Template<FilterContract>>),
    Policy(Arc<Template<PolicyContract>>),
    Delivery(Arc<Template<DeliveryContract>>),
}

/// What it said of itself.
pub(crate) struct Described {
    schema: SettingsSchema,
    facts: Facts,
}

impl Described {
    pub(crate) fn new(said: Description) -> Result<Self, LoadError> {
        Ok(Self {
            schema: SettingsSchema::parse(&said.settings_schema)?,
            facts: said.facts,
        })
    }
}

impl Plugin {
    pub(crate) fn new(
        loaded: Loaded,
        described: Described,
        digest: Sha256,
        size: usize,
        surface: Surface,
    ) -> Self {
        Self(Arc::new(Inner {
            loaded,
            described,
            digest,
            size,
            surface,
        }))
    }

    /// Its name in the configuration.
    pub fn name(&self) -> &PluginName {
        match &self.0.loaded {
            Loaded::Filter(template) => &template.plugin,
            Loaded::Policy(template) => &template.plugin,
            Loaded::Delivery(template) => &template.plugin,
        }
    }

    /// The digest of its component.
    pub fn digest(&self) -> Sha256 {
        self.0.digest
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match &self.0.loaded {
            Loaded::Filter(_) => FilterContract::KIND,
            Loaded::Policy(_) => PolicyContract::KIND,
            Loaded::Delivery(_) => DeliveryContract::KIND,
        }
    }

    /// Whether it is a filter that takes an expression.
    pub fn takes_expression(&self) -> bool {
        matches!(
            self.0.described.facts,
            Facts::Filter {
                takes_expression: true
            }
        )
    }

    /// All that can be said of it.
    pub fn inspection(&self) -> Inspection {
        let Inner {
            described,
            digest,
            size,
            surface,
            loaded: _,
        } = self.0.as_ref();
        let mut inspection = Inspection {
            kind: self.kind(),
            contract: CONTRACT_VERSION,
            digest: *digest,
            size: *size,
            imports: surface.imports.clone(),
            exports: surface.exports.clone(),
            settings_schema: described.schema.json().clone(),
            takes_expression: self.takes_expression(),
            capabilities: None,
            schemes: Vec::new(),
        };
        match &described.facts {
            Facts::Filter { .. } | Facts::Policy => {}
            Facts::Delivery {
                capabilities,
                schemes,
            } => {
                inspection.capabilities = Some(*capabilities);
                inspection.schemes.clone_from(schemes);
            }
        }
        inspection
    }

    /// What is wrong with `settings` by the plugin's schema; empty if nothing is. What only
    /// the plugin itself can judge is found when it is opened.
    pub fn check_settings(&self, settings: &Value) -> Vec<Problem> {
        self.0.described.schema.check(settings)
    }

    /// Opens it as a filter.
    ///
    /// # Errors
    ///
    /// If it is none, or does not accept `expression` or `settings`.
    pub async fn filter(
        &self,
        expression: Option<&str>,
        settings: &Value,
    ) -> Result<Filter, OpenError> {
        let Loaded::Filter(template) = &self.0.loaded else {
            return Err(self.is_no(Kind::Filter));
        };
        self.check_expression(expression)?;
        let opening = self.opening(expression, settings)?;
        Filter::open(Arc::clone(template), opening).await
    }

    /// Opens it as a policy.
    ///
    /// # Errors
    ///
    /// If it is none, or does not accept `settings`.
    pub async fn policy(&self, settings: &Value) -> Result<Policy, OpenError> {
        let Loaded::Policy(template) = &self.0.loaded else {
            return Err(self.is_no(Kind::Policy));
        };
        let opening = self.opening(None, settings)?;
        Policy::open(Arc::clone(template), opening).await
    }

    /// Opens it as a delivery.
    ///
    /// # Errors
    ///
    /// If it is none, or does not accept `settings`.
    pub async fn delivery(
        &self,
        settings: &Value,
        options: DeliveryOptions,
    ) -> Result<Delivery, OpenError> {
        let (
            Loaded::Delivery(template),
            Facts::Delivery {
                capabilities,
                schemes,
            },
        ) = (&self.0.loaded, &self.0.described.facts)
        else {
            return Err(self.is_no(Kind::Delivery));
        };
        let opening = self.opening(None, settings)?;
        let surface = (*capabilities, schemes.clone());
        Delivery::open(Arc::clone(template), opening, surface, options).await
    }

    fn is_no(&self, wanted: Kind) -> OpenError {
        OpenError::WrongKind {
            found: self.kind(),
            wanted,
        }
    }

    fn check_expression(&self, expression: Option<&str>) -> Result<(), OpenError> {
        let message = match (self.takes_expression(), expression) {
            (true, None) => "the filter needs an expression",
            (false, Some(_)) => "the filter takes no expression, only settings",
            (true, Some(_)) | (false, None) => return Ok(()),
        };
        Err(OpenError::Refused(vec![Problem {
            place: expression.map_or(Place::Settings, |text| {
                Place::Expression(0..u32::try_from(text.len()).unwrap_or(u32::MAX))
            }),
            message: message.to_owned(),
            hint: None,
        }]))
    }

    fn opening(&self, expression: Option<&str>, settings: &Value) -> Result<Opening, OpenError> {
        let problems = self.check_settings(settings);
        if !problems.is_empty() {
            return Err(OpenError::Refused(problems));
        }
        Ok(Opening {
            expression: expression.map(ToOwned::to_owned),
            settings: settings.to_string(),
        })
    }
}
