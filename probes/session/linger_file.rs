use std::fs;
use std::io;
use std::path::PathBuf;

use crate::sandbox::{CommandError, Completed, Sandbox};

/// Where logind keeps an empty file for each lingering user (systemd, src/login/logind-user.c).
const FOLDER: &str = "/var/lib/systemd/linger";

/// The file that makes a user linger.
pub struct LingerFile {
    path: PathBuf,
}

/// Whether the file is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    There,
    Absent,
    /// Its folder may not be looked into.
    Hidden,
}

impl LingerFile {
    /// The file of the user `name`.
    pub fn of(name: &str) -> Self {
        Self { path: PathBuf::from(FOLDER).join(escaped(name)) }
    }

    /// Its path, for people.
    pub fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Whether it is there. Like logind, this follows a link and does not read the content.
    pub fn presence(&self) -> Presence {
        match fs::metadata(&self.path) {
            Ok(_) => Presence::There,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Presence::Absent,
            Err(_) => Presence::Hidden,
        }
    }

    /// A command that shows the same.
    ///
    /// # Errors
    /// When stat(1) cannot be run.
    pub fn evidence(&self, sandbox: &Sandbox) -> Result<Completed, CommandError> {
        sandbox.command("stat").args(["--dereference", "--"]).arg(&self.path).run()
    }
}

/// A user's name as logind writes it into a path (systemd, src/basic/escape.c, `cescape`).
pub(crate) fn escaped(name: &str) -> String {
    let mut file = String::with_capacity(name.len());
    for byte in name.bytes() {
        match byte {
            7 => file.push_str("\\a"),
            8 => file.push_str("\\b"),
            9 => file.push_str("\\t"),
            10 => file.push_str("\\n"),
            11 => file.push_str("\\v"),
            12 => file.push_str("\\f"),
            13 => file.push_str("\\r"),
            b'\\' | b'"' | b'\'' => file.extend(['\\', char::from(byte)]),
            b' '..127 => file.push(char::from(byte)),
            _ => file.push_str(&format!("\\{byte:03o}")),
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_escaped_as_logind_escapes_it() {
        for (name, file) in [
            ("agent", "agent"),
            ("a.b-c_d$", "a.b-c_d$"),
            ("o'neil", "o\\'neil"),
            ("j\u{f6}rg", "j\\303\\266rg"),
            ("CORP\\bob", "CORP\\\\bob"),
            ("a\tb", "a\\tb"),
        ] {
            assert_eq!(LingerFile::of(name).path(), format!("{FOLDER}/{file}"), "{name}");
        }
    }
}
