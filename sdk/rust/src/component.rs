//! The bridge between the SDK's traits and the generated ones.

use crate::{
    Delivery, Device, Filter, Payload, Policy, Problem, Projection,
    bindings::{
        delivery::exports::windlass::plugin::protocol, filter::exports::windlass::plugin::filter,
        policy::exports::windlass::plugin::policy,
    },
    host, settings,
};

/// A [`Filter`] in the generated traits' terms.
pub struct FilterComponent<F>(F);

impl<F: Filter> filter::Guest for FilterComponent<F> {
    type CompiledFilter = Self;

    fn describe() -> filter::Description {
        filter::Description {
            settings_schema: settings::schema::<F::Settings>(),
            takes_expression: F::TAKES_EXPRESSION,
        }
    }
}

impl<F: Filter> filter::GuestCompiledFilter for FilterComponent<F> {
    fn open(
        expression: Option<String>,
        settings: String,
    ) -> Result<filter::CompiledFilter, Vec<Problem>> {
        let opened = F::open(expression.as_deref(), settings::parse(&settings)?)?;
        Ok(filter::CompiledFilter::new(Self(opened)))
    }

    fn reads(&self) -> Projection {
        self.0.reads()
    }

    fn narrow(&self) -> Vec<filter::Condition> {
        self.0.narrow()
    }

    fn matches(&self, now: u64, devices: Vec<Device>) -> Result<Vec<u8>, String> {
        let mut bits = vec![0; devices.len().div_ceil(8)];
        for (index, device) in devices.into_iter().enumerate() {
            if self.0.matches(now, device)? {
                bits[index / 8] |= 1 << (index % 8);
            }
        }
        Ok(bits)
    }

    fn explain(&self, now: u64, device: Device) -> Vec<filter::Refusal> {
        self.0.explain(now, device)
    }
}

/// A [`Policy`] in the generated traits' terms.
pub struct PolicyComponent<P>(P);

impl<P: Policy> policy::Guest for PolicyComponent<P> {
    type CompiledPolicy = Self;

    fn describe() -> policy::Description {
        policy::Description {
            settings_schema: settings::schema::<P::Settings>(),
        }
    }
}

impl<P: Policy> policy::GuestCompiledPolicy for PolicyComponent<P> {
    fn open(settings: String) -> Result<policy::CompiledPolicy, Vec<Problem>> {
        let opened = P::open(settings::parse(&settings)?)?;
        Ok(policy::CompiledPolicy::new(Self(opened)))
    }

    fn reads(&self) -> Projection {
        self.0.reads()
    }

    fn signals(&self) -> Vec<String> {
        self.0.signals()
    }

    fn admits(&self) -> bool {
        self.0.admits()
    }

    fn place(&self, now: u64, devices: Vec<Device>) -> Vec<policy::Placement> {
        devices
            .iter()
            .map(|device| self.0.place(now, device))
            .collect()
    }

    fn cohorts(&self, tiers: Vec<policy::TierCount>) -> Result<Vec<policy::Cohort>, String> {
        self.0.cohorts(&tiers)
    }

    fn admit(&self, now: u64, candidates: Vec<policy::Candidate>) -> Vec<policy::Admission> {
        let admit = |candidate| self.0.admit(now, candidate);
        candidates.iter().map(admit).collect()
    }

    fn decide(&self, view: policy::View, memo: Vec<u8>) -> policy::Decision {
        self.0.decide(&view, &memo)
    }

    fn migrate(&self, from_component: String, memo: Vec<u8>) -> Result<Vec<u8>, String> {
        self.0.migrate(&from_component, &memo)
    }
}

/// A [`Delivery`] in the generated traits' terms.
pub struct DeliveryComponent<D>(D);

impl<D: Delivery> protocol::Guest for DeliveryComponent<D> {
    type ConfiguredDelivery = Self;

    fn describe() -> protocol::Description {
        protocol::Description {
            settings_schema: settings::schema::<D::Settings>(),
            capabilities: D::CAPABILITIES,
            schemes: D::SCHEMES.iter().map(|&scheme| scheme.to_owned()).collect(),
        }
    }

    fn interpret(message: Vec<u8>) -> Vec<protocol::Report> {
        D::interpret(&message)
    }
}

impl<D: Delivery> protocol::GuestConfiguredDelivery for DeliveryComponent<D> {
    fn open(settings: String) -> Result<protocol::ConfiguredDelivery, Vec<Problem>> {
        let opened = D::open(settings::parse(&settings)?)?;
        Ok(protocol::ConfiguredDelivery::new(Self(opened)))
    }

    fn reads(&self) -> Projection {
        self.0.reads()
    }

    fn probe(&self, device: Device) -> Result<protocol::DeviceState, protocol::DeliveryError> {
        self.0.probe(&device)
    }

    fn push(
        &self,
        job: protocol::Job,
        payload: protocol::Payload,
    ) -> Result<protocol::Receipt, protocol::DeliveryError> {
        self.0.push(&job, &Payload(host::Payload::of_host(payload)))
    }

    fn verify(
        &self,
        job: protocol::Job,
    ) -> Result<protocol::Verification, protocol::DeliveryError> {
        self.0.verify(&job)
    }
}
