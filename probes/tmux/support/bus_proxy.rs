use std::ffi::OsString;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::exec::name_limit;

/// A proxy in front of the user's message bus that can pause the connections of one process, so that
/// the manager serves other requests first.
pub(crate) struct PausableBusProxy {
    path: PathBuf,
    clients: Arc<Mutex<Vec<u32>>>,
    paused: Arc<PausedProcess>,
}

/// The process whose connections wait.
#[derive(Default)]
struct PausedProcess {
    pid: Mutex<Option<u32>>,
    changed: Condvar,
}

impl PausableBusProxy {
    /// Listens at `path` and forwards to the bus at `bus`. No process is paused at first.
    ///
    /// # Errors
    /// When no socket can be made at `path`, or no thread can be started.
    pub(crate) fn listen(path: PathBuf, bus: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::bind(&path)?;
        let paused = Arc::new(PausedProcess::default());
        let shared = Arc::clone(&paused);
        let clients = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&clients);
        // The thread ends with the probe's process.
        let serve = move || {
            for client in listener.incoming().flatten() {
                let Ok(peer) = getsockopt(&client, PeerCredentials) else { continue };
                let peer = peer.pid().cast_unsigned();
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(peer);
                let (bus, paused) = (bus.clone(), Arc::clone(&shared));
                // Without a thread the connection is closed, and the client fails.
                let _ = thread::Builder::new().spawn(move || {
                    paused.wait_until_resumed(peer);
                    relay(&client, &bus)
                });
            }
        };
        thread::Builder::new().spawn(serve).map_err(name_limit)?;
        Ok(Self { path, clients, paused })
    }

    /// Returns its address, for `DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) fn address(&self) -> OsString {
        let mut address = OsString::from("unix:path=");
        address.push(&self.path);
        address
    }

    /// Returns whether the process `pid` has connected.
    pub(crate) fn has_client(&self, pid: u32) -> bool {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid)
    }

    /// Pauses new connections of the process `pid`.
    pub(crate) fn pause(&self, pid: u32) {
        self.paused.set(Some(pid));
    }

    /// Serves the connections that wait, and all that follow.
    pub(crate) fn resume(&self) {
        self.paused.set(None);
    }
}

impl PausedProcess {
    fn set(&self, pid: Option<u32>) {
        *self.pid.lock().unwrap_or_else(PoisonError::into_inner) = pid;
        self.changed.notify_all();
    }

    /// Waits until the process `peer` is not paused.
    fn wait_until_resumed(&self, peer: u32) {
        let pid = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_while(pid, |pid| *pid == Some(peer)));
    }
}

/// Copies bytes both ways until both ends have closed.
fn relay(client: &UnixStream, bus: &Path) -> io::Result<()> {
    let bus = UnixStream::connect(bus)?;
    let (mut from_bus, mut to_client) = (bus.try_clone()?, client.try_clone()?);
    let back = thread::Builder::new().spawn(move || {
        let _ = io::copy(&mut from_bus, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Write);
    })?;
    io::copy(&mut &*client, &mut &bus)?;
    bus.shutdown(std::net::Shutdown::Write)?;
    let _ = back.join();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn a_paused_process_is_served_once_it_is_resumed() {
        let dir = std::env::temp_dir().join(format!("bus-proxy-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let bus = UnixListener::bind(dir.join("bus")).unwrap();
        let proxy = PausableBusProxy::listen(dir.join("proxy"), dir.join("bus")).unwrap();
        proxy.pause(std::process::id());
        let mut client = UnixStream::connect(dir.join("proxy")).unwrap();
        client.write_all(b"hello").unwrap();
        bus.set_nonblocking(true).unwrap();
        assert_eq!(bus.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        bus.set_nonblocking(false).unwrap();
        proxy.resume();
        let mut served = bus.accept().unwrap().0;
        let mut bytes = [0; 5];
        served.read_exact(&mut bytes).unwrap();
        assert_eq!(&bytes, b"hello");
        assert!(proxy.has_client(std::process::id()) && !proxy.has_client(1));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
