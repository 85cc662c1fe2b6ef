use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Access, RuntimeDir, User};
use crate::exec::{Command, CommandError, Output};

/// The variable that names the user's message bus.
pub const BUS_VARIABLE: &str = "DBUS_SESSION_BUS_ADDRESS";
/// The property of a manager by which it is recognized: no two managers have started in the same microsecond, and
/// namespaces do not change it.
const START_TIME: &str = "UserspaceTimestampMonotonic";
/// How long a bus may take to answer. A healthy one takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// What answers at the address of a message bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusAnswer {
    /// The user's manager is on the bus.
    OwnManager,
    /// Another manager is on the bus.
    OtherManager,
    /// The bus answers, and no manager is on it.
    NoManager,
    /// No bus can be reached.
    NoBus,
    /// A process listens and does not answer.
    Timeout,
    /// busctl succeeded without an answer that can be parsed.
    Unknown,
}

/// Returns the command that asks the user's manager over its own socket when it was started, in microseconds.
pub fn manager_start_command(deadline: Instant) -> Command {
    let command = Command::new("systemctl", deadline).args(["--user", "show", "--value"]);
    let command = command.arg(format!("--property={START_TIME}"));
    // Without this variable systemctl would ask over the bus that is examined.
    match manager_dir(&User::current()) {
        Some(dir) => command.env("XDG_RUNTIME_DIR", dir),
        None => command,
    }
}

/// Parses what [`manager_start_command`] prints.
pub fn parse_manager_start(run: &Output) -> Option<u64> {
    run.stdout_text().parse().ok().filter(|_| run.success())
}

/// Returns the command that asks the manager on the user's bus when it was started. The bus starts first if it is
/// activated by its socket, and then delivers the question once the manager has connected.
pub fn bus_manager_command(deadline: Instant) -> Command {
    Command::new("busctl", deadline).args([
        "--user",
        "get-property",
        "org.freedesktop.systemd1",
        "/org/freedesktop/systemd1",
        "org.freedesktop.systemd1.Manager",
        START_TIME,
    ])
}

/// Parses what [`bus_manager_command`] prints: `t 123`.
pub fn parse_bus_manager(run: &Output) -> Option<u64> {
    run.stdout_text().strip_prefix("t ")?.parse().ok()
}

/// Returns why busctl failed, without what it tried: `Connection refused`.
pub fn bus_error(run: &Output) -> String {
    let message = run.stderr_text();
    let reason = message.lines().last().and_then(|line| line.rsplit(": ").next());
    reason.map_or_else(|| run.exit_description(), str::to_owned)
}

/// Finds out what answers at `address`, or where this process's environment leads without one. `start` is when the
/// user's manager was started. Returns the command that showed it too, unless it was killed.
///
/// # Errors
/// If busctl cannot be run, or the deadline has passed.
pub fn inspect_bus(
    access: Access,
    address: Option<&OsStr>,
    start: u64,
) -> Result<(BusAnswer, Option<Output>), CommandError> {
    let at = |command: Command| match address {
        Some(address) => command.env(BUS_VARIABLE, address),
        None => command,
    };
    let ask = || at(bus_manager_command(access.deadline)).timeout(ANSWER_TIMEOUT).run();
    let answer = match ask() {
        // A busy host may have delayed the first one.
        Err(CommandError::Deadline { .. }) => ask(),
        answer => answer,
    };
    let run = match answer {
        Ok(run) => run,
        Err(CommandError::Deadline { .. }) if Instant::now() < access.deadline => {
            return Ok((BusAnswer::Timeout, None));
        }
        Err(error) => return Err(error),
    };
    if run.success() {
        let answer = match parse_bus_manager(&run) {
            Some(its) if its == start => BusAnswer::OwnManager,
            Some(_) => BusAnswer::OtherManager,
            None => BusAnswer::Unknown,
        };
        return Ok((answer, Some(run)));
    }
    let bus_id = at(access.command("busctl")).args([
        "--user",
        "call",
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "GetId",
    ]);
    let has_bus = bus_id.timeout(ANSWER_TIMEOUT).run().is_ok_and(|run| run.success());
    Ok((if has_bus { BusAnswer::NoManager } else { BusAnswer::NoBus }, Some(run)))
}

/// Returns the directory in which the user's manager listens: `XDG_RUNTIME_DIR`, or else `/run/user/UID`.
pub fn manager_dir(user: &User) -> Option<PathBuf> {
    let set = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let has_manager =
        |dir: &PathBuf| RuntimeDir::inspect(Some(dir.as_os_str()), user.uid).has_manager();
    set.into_iter().chain([user.runtime_dir()]).find(has_manager)
}

/// Reports whether systemd can connect to a bus at such an address: one of its alternatives is a socket or a command
/// (systemd, src/libsystemd/sd-bus/sd-bus.c, `bus_parse_next_address`).
pub fn is_supported_address(address: &OsStr) -> bool {
    address.as_bytes().split(|&byte| byte == b';').any(|address| {
        let is_socket = |key: &[u8]| key.starts_with(b"path=") || key.starts_with(b"abstract=");
        match address.strip_prefix(b"unix:") {
            Some(keys) => keys.split(|&byte| byte == b',').any(is_socket),
            None => address.starts_with(b"tcp:") || address.starts_with(b"unixexec:"),
        }
    })
}

/// Returns the address of the socket at `path`, with reserved bytes escaped (D-Bus Specification,
/// "Server Addresses").
pub fn bus_address(path: &OsStr) -> OsString {
    let escaped = path.as_bytes().iter().map(|&byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'/' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02x}"),
    });
    format!("unix:path={}", escaped.collect::<String>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_bytes_of_a_path_are_escaped_in_a_bus_address() {
        let address = |path: &[u8]| bus_address(OsStr::from_bytes(path));
        assert_eq!(address(b"/run/user/1/bus"), "unix:path=/run/user/1/bus");
        assert_eq!(address(b"/a b,c;\xff"), "unix:path=/a%20b%2cc%3b%ff");
    }

    #[test]
    fn an_address_is_supported_if_one_alternative_is() {
        for address in ["unix:path=/a", "unix:guid=1,abstract=a", "tcp:host=a", "autolaunch:;tcp:"]
        {
            assert!(is_supported_address(OsStr::new(address)), "{address}");
        }
        for address in ["", "autolaunch:", "unix:runtime=yes", "launchd:env=a", "/run/user/1/bus"] {
            assert!(!is_supported_address(OsStr::new(address)), "{address}");
        }
    }
}
