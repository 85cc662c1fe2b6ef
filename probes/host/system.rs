use std::fs;
use std::path::Path;

/// Whether systemd is PID 1 of this host, by the test of sd_booted(3).
pub fn is_booted_with_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// The kernel's release, such as `6.12.41-amd64`.
pub fn kernel() -> Option<String> {
    let name = nix::sys::utsname::uname().ok()?;
    Some(name.release().to_string_lossy().into_owned())
}

/// The operating system's name for people, from os-release(5).
pub fn operating_system() -> Option<String> {
    ["/etc/os-release", "/usr/lib/os-release"].iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        pretty_name(&text).map(str::to_owned)
    })
}

pub(crate) fn pretty_name(os_release: &str) -> Option<&str> {
    let value = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(value.trim_matches(['"', '\'']))
}
