use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use wasmtime::{Store, component::ResourceAny};

use super::{
    instance::{Instance, Template},
    slots::{OpenedId, Ready, Slots},
    state::State,
};
use crate::{
    OpenError, PluginError, PluginErrorKind,
    contract::{Contract, Opening},
    convert::{Projection, problems},
};

/// A plugin that was opened with settings. Its instances are made when they are needed,
/// kept while there is room, and thrown away after any fault.
pub(crate) struct Opened<C: Contract> {
    pub(crate) template: Arc<Template<C>>,
    id: OpenedId,
    opening: Arc<Opening>,
}

impl<C: Contract> Opened<C> {
    /// Opens a first instance, to see whether the plugin accepts the settings.
    pub(crate) async fn open(
        template: Arc<Template<C>>,
        opening: Opening,
    ) -> Result<Arc<Self>, OpenError> {
        let opened = Self {
            id: template.shared.numbers.opened(),
            template,
            opening: Arc::new(opening),
        };
        opened.lend(opened.slots()).await?.keep();
        Ok(Arc::new(opened))
    }

    /// What a filter was opened with.
    pub(crate) fn expression(&self) -> Option<&str> {
        self.opening.expression.as_deref()
    }

    /// A place with an opened instance in it, among `slots`.
    pub(crate) async fn ready(&self, slots: &Arc<Slots<C>>) -> Result<Ready<C>, PluginError> {
        self.lend(slots).await.map_err(|error| match error {
            OpenError::Plugin(error) => error,
            OpenError::Refused(_) | OpenError::WrongKind { .. } => {
                let what = "it refuses settings that it has accepted before";
                let kind = PluginErrorKind::Contract(what.into());
                self.template.broken_contract("open", kind)
            }
        })
    }

    /// Calls a function of the opened resource and checks its answer. The instance is kept
    /// if all went well.
    pub(crate) async fn call<T, A>(
        &self,
        name: &'static str,
        extra_cpu: Duration,
        call: impl for<'a> FnOnce(
            &'a mut Store<State>,
            Arc<C::Guest>,
            ResourceAny,
        ) -> BoxFuture<'a, wasmtime::Result<T>>,
        check: impl FnOnce(T) -> Result<A, PluginErrorKind>,
    ) -> Result<A, PluginError> {
        Session::default()
            .call(self, name, extra_cpu, call, check)
            .await
    }

    /// The device fields that it looks at.
    pub(crate) async fn projection(&self) -> Result<Arc<Projection>, PluginError> {
        let found = |said| Ok(Arc::new(Projection::from(said)));
        self.call("reads", Duration::ZERO, C::reads, found).await
    }

    /// Where calls that are no transfers find their instances.
    fn slots(&self) -> &Arc<Slots<C>> {
        &C::slots(&self.template.shared)[0]
    }

    async fn lend(&self, slots: &Arc<Slots<C>>) -> Result<Ready<C>, OpenError> {
        let (place, kept) = slots.lend(self.id).await;
        let instance = match kept {
            Some(instance) => instance,
            // Boxed, so that whoever finds an instance at hand does not carry the making of one.
            None => Box::pin(self.make()).await?,
        };
        Ok(Ready::new(instance, place))
    }

    async fn make(&self) -> Result<Instance<C>, OpenError> {
        let template = &self.template;
        let mut started = template.start().await?;
        let opening = Arc::clone(&self.opening);
        let bounds = template.bounds("open", Duration::ZERO);
        let resource = template
            .call(&mut started, bounds, |store, guest| {
                C::open(store, guest, opening)
            })
            .await?
            .map_err(|said| OpenError::Refused(problems(said)))?;
        Ok(Instance {
            resource,
            handles: started.store.data_mut().handles(),
            started,
            uses: 0,
        })
    }
}

/// Calls one after the other. Between calls of one plugin its instance is held, and not given
/// back and lent anew.
pub(crate) struct Session<C: Contract>(Option<Held<C>>);

struct Held<C: Contract> {
    of: OpenedId,
    ready: Ready<C>,
}

impl<C: Contract> Default for Session<C> {
    fn default() -> Self {
        Self(None)
    }
}

impl<C: Contract> Session<C> {
    /// As [`Opened::call`].
    pub(crate) async fn call<T, A>(
        &mut self,
        opened: &Opened<C>,
        name: &'static str,
        extra_cpu: Duration,
        call: impl for<'a> FnOnce(
            &'a mut Store<State>,
            Arc<C::Guest>,
            ResourceAny,
        ) -> BoxFuture<'a, wasmtime::Result<T>>,
        check: impl FnOnce(T) -> Result<A, PluginErrorKind>,
    ) -> Result<A, PluginError> {
        let held = self.0.take_if(|held| held.of == opened.id);
        let mut ready = match held {
            Some(held) => held.ready,
            None => {
                // Whoever held a place and waited for another could wait for itself.
                self.give_back();
                opened.ready(opened.slots()).await?
            }
        };
        let template = &opened.template;
        let bounds = template.bounds(name, extra_cpu);
        let resource = ready.instance.resource;
        let started = &mut ready.instance.started;
        let answer = template
            .call(started, bounds, |store, guest| call(store, guest, resource))
            .await?;
        match check(answer) {
            Ok(answer) => {
                self.0 = Some(Held {
                    of: opened.id,
                    ready,
                });
                Ok(answer)
            }
            Err(kind) => Err(template.fault(started, name, kind)),
        }
    }

    fn give_back(&mut self) {
        if let Some(held) = self.0.take() {
            held.ready.keep();
        }
    }
}

/// What is held has done well: a call that failed or was cut keeps its instance from the session.
impl<C: Contract> Drop for Session<C> {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl<C: Contract> Drop for Opened<C> {
    fn drop(&mut self) {
        for slots in C::slots(&self.template.shared) {
            slots.forget(self.id);
        }
    }
}
