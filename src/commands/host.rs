use std::fs;

use hmac::{Hmac, KeyInit, Mac};
use launch_probes::host::{Component, Manager, User, Versions, kernel, operating_system};
use sha2::Sha256;

use crate::judge::{Record, Version};
use crate::report::Host;

/// The application for which the machine ID is hashed: a constant that no other program uses.
const APPLICATION: [u8; 16] = *b"\x6d\x1c\x9a\x2e\x5b\x84\x4f\x0d\xa3\x7e\x11\xc6\x90\x2b\xd8\x54";

/// Describes the host of a record, which names neither it nor its user.
pub(super) fn host_of_record(record: &Record) -> Host {
    let versions = record.versions();
    let unknown = read_host(&versions, record.manager);
    Host {
        name: None,
        machine: None,
        boot: None,
        kernel: None,
        os: None,
        user: String::new(),
        ..unknown
    }
}

/// Describes this host.
pub(super) fn read_host(versions: &Versions, manager: Manager) -> Host {
    let version = |component| versions.get(component).map(str::to_owned);
    let systemd = version(Component::Systemd);
    Host {
        name: first_line("/proc/sys/kernel/hostname"),
        machine: first_line("/etc/machine-id")
            .and_then(|id| hash_machine_id(u128::from_str_radix(&id, 16).ok()?)),
        boot: first_line("/proc/sys/kernel/random/boot_id"),
        systemd_version: systemd.as_deref().and_then(Version::parse).map(|v| v.major()),
        systemd,
        tmux: version(Component::Tmux),
        git: version(Component::Git),
        util_linux: version(Component::UtilLinux),
        kernel: kernel(),
        os: operating_system(),
        manager: manager.name(),
        user: User::current().name,
    }
}

fn first_line(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    text.lines().next().map(str::to_owned).filter(|line| !line.is_empty())
}

/// Returns the machine ID hashed for this application, as `sd_id128_get_machine_app_specific(3)` does: the machine ID
/// is confidential (machine-id(5)). It is HMAC-SHA256 of the application's ID, keyed by the machine ID, cut to 128
/// bits and marked as a UUID of version 4 (systemd, src/libsystemd/sd-id128/sd-id128.c, `get_app_specific`).
fn hash_machine_id(machine: u128) -> Option<String> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(&machine.to_be_bytes()).ok()?;
    hmac.update(&APPLICATION);
    let digest = hmac.finalize().into_bytes();
    let mut id: [u8; 16] = digest[..16].try_into().ok()?;
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    Some(format!("{:032x}", u128::from_be_bytes(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `systemd-id128 machine-id --app-specific=6d1c9a2e5b844f0da37e11c6902bd854` on a machine with that ID.
    #[test]
    fn the_machine_id_is_hashed_as_systemd_does() {
        let machine = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        assert_eq!(hash_machine_id(machine).as_deref(), Some("714585e275fc46bc93c329335f97eda1"));
    }
}
