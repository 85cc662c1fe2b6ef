use std::fs;
use std::path::Path;

/// Returns the host's name, as gethostname(2) gives it.
pub fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

/// Reports whether systemd is PID 1, as `sd_booted(3)` does.
pub fn is_booted_with_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Returns the kernel's release, such as `6.12.41-amd64`.
pub fn kernel() -> Option<String> {
    let name = nix::sys::utsname::uname().ok()?;
    Some(name.release().to_string_lossy().into_owned())
}

/// Returns `PRETTY_NAME` of os-release(5), such as `Debian GNU/Linux 13 (trixie)`.
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
