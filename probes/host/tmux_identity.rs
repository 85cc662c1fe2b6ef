use std::fs;

/// The pane in which a process was started, by the variables TMUX and `TMUX_PANE` that it inherited.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TmuxIdentity {
    /// The process of the server.
    pub server_pid: u32,
    /// The id of the pane, such as `%3`.
    pub pane: String,
}

impl TmuxIdentity {
    /// Reads it from a process's environment, of which no other variable is kept. `None` if the process was not
    /// started in a pane, or if its environment cannot be read.
    pub fn of_pid(pid: u32) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/environ")).ok()?)
    }

    /// Parses an environment: entries that each end with a NUL. TMUX is `SOCKET,SERVER,SESSION` (tmux(1),
    /// "ENVIRONMENT"), and the socket's path may contain commas.
    pub(crate) fn parse(environment: &[u8]) -> Option<Self> {
        let value = |name: &[u8]| {
            let mut entries = environment.split(|byte| *byte == 0);
            entries.find_map(|entry| entry.strip_prefix(name)).map(String::from_utf8_lossy)
        };
        let server = value(b"TMUX=")?;
        let mut fields = server.rsplit(',');
        let _session = fields.next()?;
        let server_pid = fields.next()?.parse().ok()?;
        let pane = value(b"TMUX_PANE=")?.into_owned();
        Some(Self { server_pid, pane })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_with_both_variables_has_a_pane() {
        let parse = |text: &str| TmuxIdentity::parse(text.as_bytes());
        let expected = TmuxIdentity { server_pid: 12, pane: "%3".into() };
        assert_eq!(parse("A=b\0TMUX=/tmp/a,b,12,0\0TMUX_PANE=%3\0"), Some(expected));
        for text in [
            "",
            "TMUX=/tmp/a,12,0\0",
            "TMUX_PANE=%3\0",
            "TMUX=\0TMUX_PANE=%3\0",
            "XTMUX=a,1,0\0TMUX_PANE=%3",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(TmuxIdentity::of_pid(u32::MAX), None);
    }
}
