use std::ffi::OsString;
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

/// A way to the user's message bus on which the calls of one process can be held back, so that what
/// else happens in the meantime happens before them.
pub struct HeldBus {
    path: PathBuf,
    held: Arc<Held>,
}

/// The process whose connections wait.
#[derive(Default)]
struct Held {
    pid: Mutex<Option<u32>>,
    changed: Condvar,
}

impl HeldBus {
    /// Listens at `path` and leads to the bus at `bus`. Until told otherwise it holds nobody.
    ///
    /// # Errors
    /// When nothing can be made at `path`.
    pub fn listen(path: PathBuf, bus: PathBuf) -> io::Result<Self> {
        let listener = UnixListener::bind(&path)?;
        let held = Arc::new(Held::default());
        let shared = Arc::clone(&held);
        // It ends with the probe's process.
        let serve = move || {
            for client in listener.incoming().flatten() {
                let (bus, held) = (bus.clone(), Arc::clone(&shared));
                thread::spawn(move || held.wait(&client).and_then(|()| relay(&client, &bus)));
            }
        };
        thread::Builder::new().spawn(serve)?;
        Ok(Self { path, held })
    }

    /// Its address, for DBUS_SESSION_BUS_ADDRESS.
    pub fn address(&self) -> OsString {
        let mut address = OsString::from("unix:path=");
        address.push(&self.path);
        address
    }

    /// From now on holds back what the process `pid` wants; with `None` nobody any more.
    pub fn hold(&self, pid: Option<u32>) {
        *self.held.pid.lock().unwrap_or_else(PoisonError::into_inner) = pid;
        self.held.changed.notify_all();
    }
}

impl Held {
    /// Waits until the process at the other end of `client` is not held.
    fn wait(&self, client: &UnixStream) -> io::Result<()> {
        let peer = getsockopt(client, PeerCredentials)?.pid().cast_unsigned();
        let held = self.pid.lock().unwrap_or_else(PoisonError::into_inner);
        let is_held = |held: &mut Option<u32>| *held == Some(peer);
        drop(self.changed.wait_while(held, is_held));
        Ok(())
    }
}

/// Carries bytes both ways until both ends have closed.
fn relay(client: &UnixStream, bus: &Path) -> io::Result<()> {
    let bus = UnixStream::connect(bus)?;
    let (mut from_bus, mut to_client) = (bus.try_clone()?, client.try_clone()?);
    let back = thread::spawn(move || {
        let _ = io::copy(&mut from_bus, &mut to_client);
        let _ = to_client.shutdown(std::net::Shutdown::Write);
    });
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
    fn a_held_process_is_served_once_it_is_let_go() {
        let dir = std::env::temp_dir().join(format!("held-bus-{}", std::process::id()));
        std::fs::create_dir(&dir).unwrap();
        let bus = UnixListener::bind(dir.join("bus")).unwrap();
        let held = HeldBus::listen(dir.join("held"), dir.join("bus")).unwrap();
        held.hold(Some(std::process::id()));
        let mut client = UnixStream::connect(dir.join("held")).unwrap();
        client.write_all(b"hello").unwrap();
        bus.set_nonblocking(true).unwrap();
        assert_eq!(bus.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
        bus.set_nonblocking(false).unwrap();
        held.hold(None);
        let mut served = bus.accept().unwrap().0;
        let mut word = [0; 5];
        served.read_exact(&mut word).unwrap();
        assert_eq!(&word, b"hello");
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
