//! What the process that launches agents can see and do on this host.

use std::path::Path;

use crate::fact_values;
use crate::host::{
    Cgroup, RuntimeDirView, TmuxServer, UnitProperties, User, are_other_processes_hidden,
    has_no_new_privileges, is_proc_reduced, may_use_unix_sockets, outer_uid,
    shares_mount_namespace, shares_pid_namespace,
};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, user_tmux_servers};

fact_values! {
    /// How the runtime directory is seen, in which the user's manager listens.
    enum RuntimeDir {
        Visible = "visible",
        ReadOnly = "read-only",
        Hidden = "hidden",
        HiddenByPath = "hidden-by-path",
    }
}

fact_values! {
    /// Whether Unix sockets can be created.
    enum UnixSockets {
        Allowed = "allowed",
        Refused = "refused",
    }
}

fact_values! {
    /// Whether the launcher has the namespace of the user's manager.
    enum PidNamespace {
        Same = "same",
        Other = "other",
        NoManager = "no-manager",
    }
}

fact_values! {
    /// Which user the launcher appears to be.
    enum UserNamespace {
        Same = "same",
        Other = "other",
    }
}

fact_values! {
    /// What /proc shows.
    enum Proc {
        Whole = "whole",
        OwnProcesses = "own-processes",
        Reduced = "reduced",
    }
}

fact_values! {
    /// Whether programs such as sudo can gain privileges.
    enum Privileges {
        Gained = "gained",
        Never = "never",
    }
}

fact_values! {
    /// Whether the sockets of tmux servers are at their paths here.
    enum TmuxSockets {
        Here = "here",
        Elsewhere = "elsewhere",
    }
}

fact_values! {
    /// Whether SHELL is a shell.
    enum Shell {
        Runs = "runs",
        RefusesLogins = "refuses-logins",
    }
}

const RUNTIME_DIR: Fact<RuntimeDir> = Fact::new("runtime-dir");
const UNIX_SOCKETS: Fact<UnixSockets> = Fact::new("unix-sockets");
const PID_NAMESPACE: Fact<PidNamespace> = Fact::new("pid-namespace");
const USER_NAMESPACE: Fact<UserNamespace> = Fact::new("user-namespace");
const PROC: Fact<Proc> = Fact::new("proc");
const PRIVILEGES: Fact<Privileges> = Fact::new("privileges");
const TMUX_SOCKETS: Fact<TmuxSockets> = Fact::new("tmux-sockets");
const SHELL: Fact<Shell> = Fact::new("shell");
pub(crate) const FACTS: &[FactDecl] = &[
    RUNTIME_DIR.decl(),
    UNIX_SOCKETS.decl(),
    PID_NAMESPACE.decl(),
    USER_NAMESPACE.decl(),
    PROC.decl(),
    PRIVILEGES.decl(),
    TMUX_SOCKETS.decl(),
    SHELL.decl(),
];

/// Programs that accounts have as a shell so that no one can log in to them.
const NO_SHELLS: [&str; 2] = ["nologin", "false"];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let user = User::current();
    let mut measurement = Measurement::default();
    let unit = own_service();
    measurement.detail("user", user.name.clone());
    measurement.detail("uid", user.uid.to_string());
    measurement.detail("dir", user.runtime_dir().display().to_string());
    measurement.list("unit", unit.clone());

    let runtime_dir = match RuntimeDirView::of(&user) {
        RuntimeDirView::Plain => RuntimeDir::Visible,
        RuntimeDirView::ReadOnly => RuntimeDir::ReadOnly,
        // All programs see that mount, which scope-availability reports.
        RuntimeDirView::Hidden if shares_mount_namespace(&user) => RuntimeDir::Visible,
        RuntimeDirView::Hidden if protects_home(context, unit.as_deref()) == Some(false) => {
            RuntimeDir::HiddenByPath
        }
        RuntimeDirView::Hidden => RuntimeDir::Hidden,
    };
    measurement.set(RUNTIME_DIR, runtime_dir);
    let may_use = may_use_unix_sockets();
    let sockets = if may_use { UnixSockets::Allowed } else { UnixSockets::Refused };
    measurement.set(UNIX_SOCKETS, sockets);
    measurement.set(
        PID_NAMESPACE,
        match shares_pid_namespace(&user) {
            Some(true) => PidNamespace::Same,
            Some(false) => PidNamespace::Other,
            None => PidNamespace::NoManager,
        },
    );
    let outer = outer_uid(user.uid).filter(|outer| *outer != user.uid);
    let namespace = if outer.is_some() { UserNamespace::Other } else { UserNamespace::Same };
    measurement.set(USER_NAMESPACE, namespace);
    measurement.detail("outer", outer.unwrap_or(user.uid).to_string());
    measurement.set(
        PROC,
        if is_proc_reduced() {
            Proc::Reduced
        } else if are_other_processes_hidden() {
            Proc::OwnProcesses
        } else {
            Proc::Whole
        },
    );
    let privileges = if has_no_new_privileges() { Privileges::Never } else { Privileges::Gained };
    measurement.set(PRIVILEGES, privileges);
    record_tmux_servers(&user_tmux_servers(user.uid)?, &mut measurement);
    record_shell(&mut measurement);
    Ok(measurement)
}

/// Returns the service of the system manager in which the calling process is.
fn own_service() -> Option<String> {
    let cgroup = Cgroup::of_pid(std::process::id()).ok()?;
    if cgroup.is_below_user_manager() {
        return None;
    }
    let service = cgroup.units().filter(|unit| unit.ends_with(".service")).last()?;
    Some(service.to_owned())
}

/// Reports whether the service has `ProtectHome=`; `None` if the system manager does not say.
fn protects_home(context: &ProbeContext, unit: Option<&str>) -> Option<bool> {
    let systemctl = context.command("systemctl").arg("--system");
    let (units, _) =
        UnitProperties::read(systemctl, &[unit?.to_owned()], &["Id", "ProtectHome"]).ok()?;
    let value = units.first()?.get("ProtectHome");
    (!value.is_empty()).then(|| value != "no")
}

/// Records the tmux servers whose sockets have another path here, as with `PrivateTmp=` on either side.
fn record_tmux_servers(servers: &[TmuxServer], measurement: &mut Measurement) {
    let elsewhere: Vec<_> =
        servers.iter().filter_map(|server| Some((server, server.path_from_here()?))).collect();
    let value = if elsewhere.is_empty() { TmuxSockets::Here } else { TmuxSockets::Elsewhere };
    measurement.set(TMUX_SOCKETS, value);
    let describe = |server: &TmuxServer| {
        let unit = Cgroup::of_pid(server.pid).ok();
        let unit = unit.and_then(|it| it.units().last().map(str::to_owned));
        let unit = unit.map_or_else(String::new, |unit| format!(" in {unit}"));
        format!("{} (process {}{unit})", server.path.display(), server.pid)
    };
    let text: Vec<String> = elsewhere.iter().map(|(server, _)| describe(server)).collect();
    measurement.detail("servers", text.join("; "));
    measurement.list("socket", elsewhere.iter().map(|(_, path)| path.display().to_string()));
}

fn record_shell(measurement: &mut Measurement) {
    let shell = std::env::var_os("SHELL").unwrap_or_default();
    let name = Path::new(&shell).file_name().and_then(|name| name.to_str());
    let refuses = name.is_some_and(|name| NO_SHELLS.contains(&name));
    measurement.set(SHELL, if refuses { Shell::RefusesLogins } else { Shell::Runs });
    measurement.detail("shell", shell.to_string_lossy());
}
