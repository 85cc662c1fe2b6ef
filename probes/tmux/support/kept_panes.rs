//! Commands for a private server whose panes are looked at after their commands have exited.

/// Keeps panes, and replaces default-shell, which is the user's own shell and would run `run-shell` and panes.
pub(crate) const KEEP_PANES: [&str; 10] = [
    "set-option",
    "-g",
    "default-shell",
    "/bin/sh",
    ";",
    "set-option",
    "-g",
    "remain-on-exit",
    "on",
    ";",
];
/// Lists all panes in the format that follows. tmux reaps children when it gets SIGCHLD, and misses some signals (tmux
/// commit fa5f3cef3d65, issue 4559), so `true` exits with each list. It runs with -b, because its own exit may be
/// missed.
pub(crate) const LIST_PANES: [&str; 7] = ["run-shell", "-b", "true", ";", "list-panes", "-a", "-F"];
