use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io,
    os::{
        fd::AsRawFd as _,
        unix::{
            fs::{FileTypeExt as _, OpenOptionsExt as _, PermissionsExt as _},
            net::UnixListener as StdListener,
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::OFlags,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
};
use tokio::net::{UnixListener, UnixStream};

/// Connections that wait to be accepted; a further one is refused by the system.
const BACKLOG: i32 = 16;

/// Only the owner's user may connect.
const MODE: u32 = 0o600;

/// The socket of the owner of a state file: beside it, named after it.
pub fn socket_path(state: &Path) -> PathBuf {
    let mut path = OsString::from(state);
    path.push(".sock");
    path.into()
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else is in its place, and is left alone.
    #[error("{} is in the way: it is not a socket", .0.display())]
    InTheWay(PathBuf),
    /// The system refused.
    #[error("cannot make the control socket {}", path.display())]
    Io {
        /// The socket.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// A bound socket; its file goes when this is dropped.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) listener: UnixListener,
    place: Place,
}

impl Drop for Bound {
    fn drop(&mut self) {
        // It is stale from now on, which does no harm: the lock says who owns.
        drop(fs::remove_file(self.place.address()));
    }
}

/// Binds the socket of `state`, whose lock the caller must hold: whatever socket is there
/// was a dead owner's.
pub(super) fn bind_beside(state: &Path) -> Result<Bound, BindError> {
    let path = socket_path(state);
    let failed = |source| BindError::Io {
        path: path.clone(),
        source,
    };
    let place = Place::of(&path).map_err(failed)?;
    let address = place.address();
    match fs::symlink_metadata(&address) {
        Ok(found) if !found.file_type().is_socket() => return Err(BindError::InTheWay(path)),
        Ok(_) => fs::remove_file(&address).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = listen_at(&address).map_err(failed)?;
    Ok(Bound { listener, place })
}

/// Nobody can connect before [`listen`], so nobody can before the mode is right either.
fn listen_at(address: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(address)?)?;
    fs::set_permissions(address, Permissions::from_mode(MODE))?;
    listen(&socket, BACKLOG)?;
    UnixListener::from_std(StdListener::from(socket))
}

/// Connects to the owner of `state`, if that is this user or root: whatever listens gets to
/// see configurations and orders.
pub(super) async fn connect_beside(state: &Path) -> io::Result<UnixStream> {
    let place = Place::of(&socket_path(state))?;
    let stream = UnixStream::connect(place.address()).await?;
    if may_speak(&stream) {
        Ok(stream)
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is another user's",
        ))
    }
}

/// Whether the other side is this user or root.
pub(super) fn may_speak(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// A file's directory, held open, and its name in it. An address of a Unix socket has 108
/// bytes at most; through the directory's descriptor a path of any length fits.
#[derive(Debug)]
struct Place {
    directory: File,
    name: OsString,
}

impl Place {
    fn of(path: &Path) -> io::Result<Self> {
        let directory = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let name = path
            .file_name()
            .ok_or(io::Error::from(io::ErrorKind::InvalidFilename))?;
        let flags = (OFlags::PATH | OFlags::DIRECTORY).bits();
        let directory = File::options()
            .read(true)
            .custom_flags(i32::from_ne_bytes(flags.to_ne_bytes()))
            .open(directory)?;
        Ok(Self {
            directory,
            name: name.to_owned(),
        })
    }

    fn address(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd())).join(&self.name)
    }
}
