//! From the bytes of a file to a plugin: what is checked before anything of it runs, and
//! what it says of itself when it first does.

mod identify;
mod imports;
mod inspection;
mod linker;

pub(crate) use identify::Surface;
pub use inspection::Inspection;
pub(crate) use linker::Linkers;

use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest;
use wasmtime::component::Component;
use windlass_model::{PluginName, Sha256};

use crate::{
    Kind, LoadError, Plugin,
    contract::{Contract, DeliveryContract, FilterContract, PolicyContract},
    guest::Template,
    host::Loader,
    limits::COMPONENT_BYTES,
    plugin::{Described, Loaded},
};

/// Loads `bytes` as the plugin called `name`.
pub(crate) async fn load(
    loader: &Loader,
    name: PluginName,
    bytes: Bytes,
) -> Result<Plugin, LoadError> {
    check_format(&bytes)?;
    let size = bytes.len();
    let digest = Sha256(sha2::Sha256::digest(&bytes).into());
    let component = compile(loader, digest, bytes).await?;
    let surface = identify::surface(&loader.shared.engine, &component);
    let kind = identify::kind(&surface.exports)?;
    imports::check(kind, &surface.imports)?;
    let start = Start {
        loader,
        name,
        digest,
        component,
    };
    let (loaded, described) = match kind {
        Kind::Filter => start.describe::<FilterContract>(Loaded::Filter).await?,
        Kind::Policy => start.describe::<PolicyContract>(Loaded::Policy).await?,
        Kind::Delivery => start.describe::<DeliveryContract>(Loaded::Delivery).await?,
    };
    Ok(Plugin::new(loaded, described, digest, size, surface))
}

/// Everything that is needed to run a component for the first time.
struct Start<'a> {
    loader: &'a Loader,
    name: PluginName,
    digest: Sha256,
    component: Component,
}

impl Start<'_> {
    async fn describe<C: Contract>(
        self,
        wrap: impl FnOnce(Arc<Template<C>>) -> Loaded,
    ) -> Result<(Loaded, Described), LoadError> {
        let shared = Arc::clone(&self.loader.shared);
        let link = |error: wasmtime::Error| LoadError::Link {
            kind: C::KIND,
            cause: error.into(),
        };
        let pre = self
            .loader
            .linkers
            .of(C::KIND)
            .instantiate_pre(&self.component)
            .map_err(link)?;
        let template =
            Template::<C>::new(self.name, self.digest, Arc::clone(&shared), pre).map_err(link)?;
        let template = Arc::new(template);
        let called = Arc::clone(&template);
        let description = shared
            .runtimes
            .on_guests(async move { called.describe().await })
            .await?;
        Ok((wrap(template), Described::new(description)?))
    }
}

fn check_format(bytes: &[u8]) -> Result<(), LoadError> {
    const MAGIC: &[u8] = b"\0asm";
    /// Version 13 in layer 1; a core module is version 1 in layer 0.
    const COMPONENT: &[u8] = &[0x0d, 0x00, 0x01, 0x00];
    if bytes.len() > COMPONENT_BYTES {
        return Err(LoadError::TooLarge {
            size: bytes.len(),
            limit: COMPONENT_BYTES,
        });
    }
    match bytes.strip_prefix(MAGIC) {
        Some(rest) if rest.starts_with(COMPONENT) => Ok(()),
        Some([0x01, 0x00, 0x00, 0x00, ..]) => Err(LoadError::CoreModule),
        Some(_) | None => Err(LoadError::NotAComponent),
    }
}

/// Takes the component from the cache, or compiles it beside both runtimes: that takes
/// seconds for a large one.
async fn compile(loader: &Loader, digest: Sha256, bytes: Bytes) -> Result<Component, LoadError> {
    let engine = loader.shared.engine.clone();
    let cache = loader.cache.clone();
    loader
        .shared
        .runtimes
        .blocking(move || {
            if let Some(cache) = &cache
                && let Some(component) = cache.get(&engine, digest)
            {
                return Ok(component);
            }
            let component = Component::from_binary(&engine, &bytes)
                .map_err(|error| LoadError::Compile(error.into()))?;
            if let Some(cache) = &cache {
                cache.put(digest, &component);
            }
            Ok(component)
        })
        .await
}
