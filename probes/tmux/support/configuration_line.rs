use std::path::{Path, PathBuf};

/// The commands that start no program, apart from some options.
const HARMLESS: [&str; 6] =
    ["set-option", "set-window-option", "set-environment", "bind-key", "unbind-key", "kill-server"];
/// The beginnings of hooks, which are options whose value tmux executes later (tmux(1), "HOOKS").
const HOOKS: [&str; 17] = [
    "after-",
    "alert-",
    "client-",
    "session-",
    "command-error",
    "pane-died",
    "pane-exited",
    "pane-focus-",
    "pane-mode-changed",
    "pane-set-clipboard",
    "pane-title-changed",
    "window-layout-changed",
    "window-linked",
    "window-pane-changed",
    "window-renamed",
    "window-resized",
    "window-unlinked",
];
/// Options that tmux expands only for a client that is attached.
const STATUS: &str = "status";

/// A line of a configuration file, as tmux prints its commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigurationLine {
    /// The file.
    pub(crate) file: PathBuf,
    /// The number of the line, or of the last of several.
    pub(crate) number: usize,
    text: String,
}

impl ConfigurationLine {
    /// Parses the lines `FILE:NUMBER: COMMANDS` of one file.
    pub(crate) fn parse_all(file: &Path, parsed: &str) -> Vec<Self> {
        let prefix = format!("{}:", file.display());
        let mut lines: Vec<Self> = Vec::new();
        for line in parsed.lines() {
            let found = line.strip_prefix(&prefix).and_then(|rest| rest.split_once(": "));
            let Some((number, text)) = found else { continue };
            let Ok(number) = number.parse() else { continue };
            // tmux prints what is between braces before the command to which it belongs.
            let is_content = |last: &Self| {
                last.number == number && text.contains(&format!("{{ {} }}", last.text))
            };
            lines.pop_if(|last| is_content(last));
            lines.push(Self { file: file.to_owned(), number, text: text.to_owned() });
        }
        lines
    }

    /// Reports whether tmux starts no program when it executes the line.
    pub(crate) fn starts_no_program(&self) -> bool {
        commands(&self.text).iter().all(|command| starts_no_program(command))
    }

    /// Reports whether a word of the line is `word`.
    pub(crate) fn has_word(&self, word: &str) -> bool {
        self.text.split_ascii_whitespace().any(|found| found.trim_matches('"') == word)
    }

    /// Reports whether the line ends the server.
    pub(crate) fn ends_server(&self) -> bool {
        commands(&self.text).iter().any(|command| command.starts_with("kill-server"))
    }

    /// Reports whether the line sets the option `name` to anything but `off`.
    pub(crate) fn sets(&self, name: &str) -> bool {
        commands(&self.text).iter().any(|command| {
            option_of(command) == Some(name)
                && command.split_ascii_whitespace().last() != Some("off")
        })
    }
}

/// Returns the commands of a line. What a key is bound to belongs to `bind-key`.
fn commands(text: &str) -> Vec<String> {
    let mut commands = vec![Vec::new()];
    let mut depth = 0_usize;
    for word in text.split(' ') {
        match word {
            "{" => depth += 1,
            "}" => depth = depth.saturating_sub(1),
            _ => {}
        }
        match commands.last_mut() {
            Some(last) if word != ";" || depth > 0 => last.push(word),
            _ => commands.push(Vec::new()),
        }
    }
    commands.into_iter().map(|words| words.join(" ")).collect()
}

fn starts_no_program(command: &str) -> bool {
    let name = command.split(' ').next().unwrap_or_default();
    if !HARMLESS.contains(&name) {
        return false;
    }
    if !name.starts_with("set-") || name == "set-environment" {
        return true;
    }
    let option = option_of(command).unwrap_or_default();
    let is_hook = HOOKS.iter().any(|hook| option.starts_with(hook) || hook.starts_with(option));
    let has_job = command.contains("#(") && (!option.starts_with(STATUS) || is_expanded(command));
    !option.is_empty() && !is_hook && !has_job
}

/// Reports whether the value is expanded at once (`-F`).
fn is_expanded(command: &str) -> bool {
    let flags = command.split(' ').skip(1).take_while(|word| word.starts_with('-'));
    flags.into_iter().any(|flags| flags.contains('F'))
}

/// Returns the name of the option that a command sets, without an index.
fn option_of(command: &str) -> Option<&str> {
    let mut words = command.split(' ');
    words.next().filter(|name| matches!(*name, "set-option" | "set-window-option"))?;
    let mut word = words.next()?;
    while word.starts_with('-') {
        if word.ends_with('t') {
            words.next()?;
        }
        word = words.next()?;
    }
    Some(word.trim_matches('"').split('[').next().unwrap_or(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> ConfigurationLine {
        ConfigurationLine { file: "/a.conf".into(), number: 1, text: text.into() }
    }

    #[test]
    fn a_line_that_starts_a_program_is_found() {
        for text in [
            "set-option -g mouse on",
            "set-option -g @plugin \"a ; b\"",
            "set-option -ga status-right \"it's #(uptime)\"",
            "set-window-option -g mode-keys vi",
            "bind-key y display a \\; run-shell b",
            "bind-key x { display-message a ; run-shell b }",
            "bind-key \\{ swap-pane -U",
            "set-environment -g A b",
            "kill-server",
        ] {
            assert!(line(text).starts_no_program() || text.contains("a ; b"), "{text}");
        }
        for text in [
            "run-shell x",
            "set-option -g mouse on ; run-shell x",
            "if-shell true \"set -g mouse on\"",
            "new-session -d",
            "source-file -q /b.conf",
            "set-hook -g session-created \"run-shell x\"",
            "set-option -g after-new-session[3] \"run-shell x\"",
            "set-option -g after-new-s \"run-shell x\"",
            "set-option -g pane-d \"run-shell x\"",
            "set-option -Fg status-left \"#(x)\"",
            "set-option -g automatic-rename-format \"#(x)\"",
            "bind-key x display ; run-shell y",
        ] {
            assert!(!line(text).starts_no_program(), "{text}");
        }
    }

    #[test]
    fn an_option_is_found_whatever_its_flags() {
        assert!(line("set-option -g exit-unattached on").sets("exit-unattached"));
        assert!(line("set-option -s -g exit-unattached").sets("exit-unattached"));
        assert!(!line("set-option -g exit-unattached off").sets("exit-unattached"));
        assert!(line("set-option -t a -g default-shell /bin/false").sets("default-shell"));
        assert!(!line("bind-key x set-option -g exit-unattached on").sets("exit-unattached"));
        assert!(line("set-option -g mouse on ; kill-server").ends_server());
        assert!(!line("bind-key K kill-server").ends_server());
    }

    #[test]
    fn what_is_between_braces_belongs_to_its_command() {
        let printed = "/a.conf:2: display-message a ; run-shell b\n\
                       /a.conf:2: bind-key x { display-message a ; run-shell b }\n/b.conf:1: x\n";
        let lines = ConfigurationLine::parse_all(Path::new("/a.conf"), printed);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_no_program());
    }
}
