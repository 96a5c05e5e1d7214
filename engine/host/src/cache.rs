//! Compiled components on disk.
//!
//! What is read back is native code that will run in this process, so the directory is
//! the owner's alone, and every file carries a code made with a key that lies beside it.
//! A file that does not fit is compiled anew, as if it were not there.

use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256 as Hash256};
use wasmtime::{Engine, component::Component};
use windlass_model::Sha256;

const KEY_BYTES: usize = 32;
const CODE_BYTES: usize = 32;
/// What SHA-256 works on, which HMAC is defined by.
const HASH_BLOCK: usize = 64;

pub(crate) struct ArtifactCache {
    directory: PathBuf,
    key: [u8; KEY_BYTES],
    /// Of everything about the engine that a compiled component depends on.
    engine: u64,
}

impl ArtifactCache {
    /// Opens the cache in `directory`, which is made if need be.
    pub(crate) fn open(directory: &Path, engine: &Engine) -> io::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        let found = fs::metadata(directory)?;
        if found.uid() != rustix::process::geteuid().as_raw() {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it belongs to another user, who could put native code into it",
            ));
        }
        // It may have been there before, for others to write: then its key may be theirs.
        if found.mode() & 0o022 != 0 {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
            match fs::remove_file(directory.join("key")) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        Ok(Self {
            key: key(directory)?,
            directory: directory.to_owned(),
            engine: hasher.finish(),
        })
    }

    /// The component of this digest, if it was compiled before by an engine like `engine`.
    pub(crate) fn get(&self, engine: &Engine, digest: Sha256) -> Option<Component> {
        let name = self.name(digest);
        let file = fs::read(self.directory.join(&name)).ok()?;
        let (code, artifact) = file.split_at_checked(CODE_BYTES)?;
        if self.code(&name, artifact) != *code {
            tracing::warn!(%digest, "a compiled component was changed on disk; compiling it again");
            return None;
        }
        #[expect(
            unsafe_code,
            reason = "the code proves that this host wrote the artifact"
        )]
        // SAFETY: the bytes are those that `Component::serialize` returned, because only
        // who knows the key can make their code.
        let component = unsafe { Component::deserialize(engine, artifact) };
        component
            .inspect_err(|error| tracing::debug!(%digest, %error, "compiled component unusable"))
            .ok()
    }

    /// Keeps `component`. It appears in the directory complete or not at all.
    pub(crate) fn put(&self, digest: Sha256, component: &Component) {
        if let Err(error) = self.write(digest, component) {
            tracing::warn!(
                %digest, error = error.as_ref() as &dyn std::error::Error,
                "a compiled component cannot be kept; it will be compiled again at the next start"
            );
        }
    }

    fn write(
        &self,
        digest: Sha256,
        component: &Component,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let artifact = component.serialize()?;
        let name = self.name(digest);
        let draft = self
            .directory
            .join(format!(".{name}.{}", std::process::id()));
        let mut file = private(&draft)?;
        file.write_all(&self.code(&name, &artifact))?;
        file.write_all(&artifact)?;
        fs::rename(&draft, self.directory.join(&name))?;
        Ok(())
    }

    fn name(&self, digest: Sha256) -> String {
        format!("{digest}-{:016x}.cwasm", self.engine)
    }

    /// HMAC-SHA-256 of name and artifact: the name is part of it, so that one component's
    /// artifact cannot stand in for another's.
    fn code(&self, name: &str, artifact: &[u8]) -> [u8; CODE_BYTES] {
        let pad = |byte: u8| {
            let mut block = [byte; HASH_BLOCK];
            for (padded, key) in block.iter_mut().zip(self.key) {
                *padded ^= key;
            }
            block
        };
        let inner = Hash256::new()
            .chain_update(pad(0x36))
            .chain_update(name)
            .chain_update([0])
            .chain_update(artifact)
            .finalize();
        Hash256::new()
            .chain_update(pad(0x5c))
            .chain_update(inner)
            .finalize()
            .into()
    }
}

/// The key of the cache in `directory`; a new one where there is none, or none of use.
fn key(directory: &Path) -> io::Result<[u8; KEY_BYTES]> {
    let path = directory.join("key");
    if let Ok(bytes) = fs::read(&path)
        && let Ok(key) = <[u8; KEY_BYTES]>::try_from(bytes)
    {
        return Ok(key);
    }
    let mut key = [0; KEY_BYTES];
    rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())?;
    let draft = directory.join(format!(".key.{}", std::process::id()));
    private(&draft)?.write_all(&key)?;
    fs::rename(&draft, &path)?;
    Ok(key)
}

fn private(path: &Path) -> io::Result<fs::File> {
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}
