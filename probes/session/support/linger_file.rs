use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::exec::{CommandError, Output};
use crate::fact_values;
use crate::sandbox::ProbeContext;

/// Where logind keeps an empty file for each lingering user (systemd, src/login/logind-user.c).
const DIR: &str = "/var/lib/systemd/linger";

/// The file that enables lingering for a user.
pub(crate) struct LingerFile {
    path: PathBuf,
}

fact_values! {
    /// Whether a file exists, as far as this user may see.
    pub(crate) enum FileState {
        Present = "there",
        Absent = "absent",
        /// Its directory may not be searched.
        Unreadable = "hidden",
    }
}

impl LingerFile {
    /// Returns the file of the user `name`.
    pub(crate) fn of(name: &str) -> Self {
        Self { path: PathBuf::from(DIR).join(escaped(name)) }
    }

    /// Returns its path as text.
    pub(crate) fn path(&self) -> String {
        self.path.display().to_string()
    }

    /// Returns whether it exists. Like logind, this follows a link and does not read the content.
    pub(crate) fn state(&self) -> FileState {
        match fs::metadata(&self.path) {
            Ok(_) => FileState::Present,
            Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Absent,
            Err(_) => FileState::Unreadable,
        }
    }

    /// Runs stat(1) on it, as evidence.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(crate) fn evidence(&self, context: &ProbeContext) -> Result<Output, CommandError> {
        context.command("stat").args(["--dereference", "--"]).arg(&self.path).run()
    }
}

/// Returns a user's name as logind writes it into a path (systemd, src/basic/escape.c, `cescape`).
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
            _ => {
                let _ = write!(file, "\\{byte:03o}");
            }
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
            assert_eq!(LingerFile::of(name).path(), format!("{DIR}/{file}"), "{name}");
        }
    }
}
