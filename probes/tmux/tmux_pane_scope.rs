//! Whether tmux moves panes into scopes of their own, and into which slice.

use super::bus_variables::BusVariables;
use super::pane::{Opening, Pane};
use super::pane_pipe::PanePipe;
use super::spawn_scope::SpawnScopes;
use crate::host::Cgroup;
use crate::sandbox::{Sandbox, TmuxServer};
use crate::{Measurement, Unable};

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("tmux asks only the user's manager for scopes".into()));
    }
    sandbox.require_manager()?;
    // In a service of the system's, such as cron, tmux finds no slice of the user's and goes by another.
    let cgroup = Cgroup::of(std::process::id())?;
    let is_in_session = !cgroup.is_below_user_manager()
        && cgroup.units().any(|unit| unit.starts_with("session-") && unit.ends_with(".scope"));
    let bare = TmuxServer::start(sandbox, "bare", BusVariables::remove)?;
    let service = TmuxServer::start(sandbox, "service", |tmux| tmux.behind(service(sandbox)))?;
    let here =
        is_in_session.then(|| TmuxServer::start(sandbox, "here", |tmux| tmux)).transpose()?;
    let mut pipe = PanePipe::make(sandbox)?;
    let words = |name| Pane::living(name, &pipe);
    let [bare_pane, mended_pane] = Opening::by(bare.command())
        .pane("bare", &words("bare"))
        .then(BusVariables::own().set_globally())
        .pane("mended", &words("mended"))
        .run()?;
    let [service_pane] = Opening::by(service.command()).pane("service", &words("service")).run()?;
    let open_outside = |here: &TmuxServer| -> Result<[Pane; 1], Unable> {
        Opening::by(here.command()).pane("outside", &words("outside")).run()
    };
    let outside_pane = here.as_ref().map(open_outside).transpose()?;
    let mut panes = vec![
        ("bare-server", &bare, &bare_pane),
        ("mended-server", &bare, &mended_pane),
        ("service-server", &service, &service_pane),
    ];
    panes.extend(
        here.iter().zip(&outside_pane).map(|(here, [pane])| ("outside-server", here, pane)),
    );
    for (.., pane) in &panes {
        pane.live(&mut pipe)?;
    }

    let mut scopes = SpawnScopes::list(sandbox)?;
    let scope = scopes.of(service_pane.pid);
    let mut measurement = Measurement::default();
    for (fact, server, pane) in panes {
        let place = place_of(sandbox, server, pane, &mut scopes)?;
        measurement.evidence.push(pane.opened.evidence(fact));
        measurement.fact_from(fact, place, &scopes.listed);
    }
    tell_stop(sandbox, scope, &mut measurement)?;
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn summary(measurement: &Measurement) -> String {
    let place = |fact: &str| match measurement.facts[fact].as_str() {
        "server-slice" => "in a scope in the server's slice",
        "manager-root" => "in a scope in no slice",
        _ => "in the server's own cgroup",
    };
    let outside = match measurement.facts.contains_key("outside-server") {
        true => format!("of a server outside the user's manager {}, ", place("outside-server")),
        false => String::new(),
    };
    format!(
        "a pane ran {outside}of one in a user service {}, of one without a bus {}",
        place("service-server"),
        place("bare-server")
    )
}

/// The words that put a tmux server into a service of the probe's own, in a slice of its own. They
/// return when the server runs, because it is a forking service.
fn service(sandbox: &Sandbox) -> Vec<String> {
    let mut words = ["systemd-run", "--user", "--quiet", "--collect", "--service-type=forking"]
        .map(str::to_owned)
        .to_vec();
    words.push(format!("--unit={}", sandbox.unit_name("server", "service")));
    words.push(format!("--slice={}", sandbox.unit_name("own", "slice")));
    // A service has the manager's PATH, in which tmux need not be.
    let path = std::env::var("PATH").ok().map(|path| format!("--setenv=PATH={path}"));
    words.extend(path);
    words.push("--".to_owned());
    words
}

/// The word on the card for where a pane runs.
fn place_of(
    sandbox: &Sandbox,
    server: &TmuxServer,
    pane: &Pane,
    scopes: &mut SpawnScopes,
) -> Result<&'static str, Unable> {
    let ended = || Unable::Unmeasured("a private tmux server has ended".into());
    let server = Cgroup::of(server.pid().ok_or_else(ended)?)?;
    let cgroup = scopes.settled(sandbox, pane.pid)?;
    place(&server, &cgroup, scopes.of(pane.pid).is_some()).ok_or_else(|| {
        let (pane, server) = (cgroup.path(), server.path());
        Unable::Unmeasured(format!("a pane runs in {pane}, its server in {server}"))
    })
}

/// The place of a pane in the tree of cgroups; `None` if the card has no word for it.
fn place(server: &Cgroup, pane: &Cgroup, has_scope: bool) -> Option<&'static str> {
    if !has_scope {
        return (pane == server).then_some("server-cgroup");
    }
    if !pane.is_below_user_manager() {
        return None;
    }
    let slices = pane.user_slices();
    if server.is_below_user_manager() && slices == server.user_slices() {
        return Some("server-slice");
    }
    slices.is_empty().then_some("manager-root")
}

/// Records what ties the scope of a pane to the unit of its server.
fn tell_stop(
    sandbox: &Sandbox,
    scope: Option<String>,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let Some(scope) = scope else {
        measurement.fact("server-stop", "same-unit");
        return Ok(());
    };
    let shown = sandbox.systemctl().args(["show", "--property=PartOf", "--", &scope]).run()?;
    let value = if shown.text() == "PartOf=" { "apart" } else { "part-of" };
    measurement.fact_from("server-stop", value, &shown);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANAGER: &str = "0::/user.slice/user-1.slice/user@1.service";

    #[test]
    fn the_place_of_a_pane_is_told_by_its_slices() {
        let cgroup = |path: &str| Cgroup::parse(&format!("{MANAGER}{path}")).unwrap();
        let session = Cgroup::parse("0::/user.slice/user-1.slice/session-1.scope").unwrap();
        let service = cgroup("/a.slice/a-b.slice/server.service");
        assert_eq!(place(&session, &session, false), Some("server-cgroup"));
        assert_eq!(place(&session, &cgroup("/tmux-spawn-1.scope"), true), Some("manager-root"));
        let beside = cgroup("/a.slice/a-b.slice/tmux-spawn-1.scope");
        assert_eq!(place(&service, &beside, true), Some("server-slice"));
        assert_eq!(place(&service, &cgroup("/app.slice/tmux-spawn-1.scope"), true), None);
        assert_eq!(place(&session, &service, false), None);
    }
}
