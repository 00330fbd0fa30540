//! The Unix socket of the command line: the operators' routes for who owns the daemon on this machine.
//!
//! The socket's file has mode 0600, and whoever comes is named by the system: only the owner of the file and
//! root are served, and the ledger records them as `uid:1000`. A crash leaves the file behind; the next start
//! replaces it when nobody answers behind it.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::access::{Caller, Role, Scope};
use crate::claims::document::Purpose;
use crate::claims::id::Name;
use crate::desk::Config;

/// Requests that run at the shutdown may end within this time.
const DRAIN: Duration = Duration::from_secs(5);

/// After an accept that failed, the time before the next: long enough not to spin.
const PAUSE: Duration = Duration::from_millis(50);

/// A socket that is listened on.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    owner: u32,
    places: Arc<Semaphore>,
}

/// Who is at the other end of the socket, as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPeer {
    /// The user.
    pub uid: u32,
}

/// A connection and its place among those open at once.
pub struct Placed {
    stream: UnixStream,
    _place: OwnedSemaphorePermit,
}

/// Whether a socket can be listened on, as far as that shows without making anything.
///
/// # Errors
/// When the path is too long for a socket, or what should be a directory of it is none.
pub fn check(config: &Config) -> io::Result<()> {
    SocketAddr::from_pathname(&config.socket)?;
    for directory in directory(&config.socket)
        .into_iter()
        .flat_map(Path::ancestors)
    {
        match fs::metadata(directory) {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
            // It will be made in the one above.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Listens on a socket, with mode 0600. A file that an earlier run left behind is replaced, and a directory that is not
/// there is made, for nobody else.
///
/// # Errors
/// When the directory cannot be made, something else is at the path, or another daemon answers there.
pub fn bind(config: &Config) -> io::Result<Socket> {
    let path = config.socket.as_path();
    if let Some(directory) = directory(path) {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
    }
    remove_stale(path)?;
    let listener = UnixListener::bind(path)?;
    // Before this line others may connect where the umask lets them; they are refused by their uid.
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(Socket {
        listener,
        owner: fs::metadata(path)?.uid(),
        places: Arc::new(Semaphore::new(config.socket_connections.get())),
    })
}

/// Where the socket's file lies; none: where the program runs.
fn directory(path: &Path) -> Option<&Path> {
    path.parent().filter(|path| !path.as_os_str().is_empty())
}

/// Serves until the shutdown, then lets open requests end for a short time.
pub async fn serve(socket: Socket, router: Router, shutdown: CancellationToken) {
    let service = router.into_make_service_with_connect_info::<LocalPeer>();
    let closing = shutdown.clone().cancelled_owned();
    let served = axum::serve(socket, service).with_graceful_shutdown(closing);
    let cut = async {
        shutdown.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        // The accept loop of a listener that retries by itself has no error to give.
        _ = served => {}
        () = cut => {}
    }
}

impl LocalPeer {
    /// The operator that this user is.
    pub fn caller(self) -> Caller {
        let name =
            Name::parse(&format!("uid:{}", self.uid)).expect("digits and a colon are a name");
        Caller::new(name, Role::Operator, Scope::All, Purpose::Real)
            .expect("an operator's scope is everybody")
    }
}

impl Connected<IncomingStream<'_, Socket>> for LocalPeer {
    fn connect_info(stream: IncomingStream<'_, Socket>) -> LocalPeer {
        *stream.remote_addr()
    }
}

impl Socket {
    /// The next connection of somebody who is let in.
    async fn next(&mut self) -> io::Result<(Placed, LocalPeer)> {
        let places = self.places.clone();
        let place = places
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        loop {
            let (stream, _) = self.listener.accept().await?;
            // Who is gone already has no credentials.
            let Ok(credentials) = stream.peer_cred() else {
                continue;
            };
            let uid = credentials.uid();
            if uid == self.owner || uid == 0 {
                let placed = Placed {
                    stream,
                    _place: place,
                };
                return Ok((placed, LocalPeer { uid }));
            }
        }
    }
}

impl Listener for Socket {
    type Io = Placed;
    type Addr = LocalPeer;

    async fn accept(&mut self) -> (Placed, LocalPeer) {
        loop {
            match self.next().await {
                Ok(accepted) => return accepted,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<LocalPeer> {
        Ok(LocalPeer { uid: self.owner })
    }
}

impl AsyncRead for Placed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Placed {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Removes a socket behind which nobody answers; anything else stays, and the binding says so.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if !is_socket {
        return Ok(());
    }
    match std::os::unix::net::UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another daemon answers on this socket",
        )),
        Err(_) => fs::remove_file(path),
    }
}
