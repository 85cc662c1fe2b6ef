use super::{Blocker, Need};
use crate::host::{Confinement, Manager, User};

/// Returns what confines doctor, where that matters for the manager that is examined.
pub(super) fn confinement_of(manager: Manager) -> Option<(Confinement, Blocker)> {
    let user = User::current();
    let confinement = Confinement::detect(&user)?;
    if manager == Manager::System && confinement != Confinement::NoUnixSockets {
        return None;
    }
    let what = match confinement {
        Confinement::NoUnixSockets => "it may not use Unix sockets".into(),
        Confinement::OtherUser => "in this user namespace it is another user".into(),
        Confinement::RuntimeDirHidden => {
            format!("{} is hidden from it", user.runtime_dir().display())
        }
        Confinement::OtherPidNamespace => "the user manager does not see its process ids".into(),
    };
    let reason = format!("doctor is in a sandbox: {what} (see caller-sandbox)");
    Some((confinement, Blocker { need: Need::Caller, reason }))
}

/// Reports whether a process that is confined so cannot use a need, or would use another user's.
pub(super) fn is_cut_off(confinement: Confinement, need: Need) -> bool {
    match need {
        Need::Manager | Need::UserBus | Need::SystemdRun | Need::Caller => true,
        Need::Logind => {
            matches!(confinement, Confinement::NoUnixSockets | Confinement::OtherUser)
        }
        // These need a manager too, which says so.
        Need::PlainServices | Need::PlainScopes => false,
        Need::SystemBus | Need::Tmux => confinement == Confinement::NoUnixSockets,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_cuts_off_what_it_hides_and_nothing_else() {
        let hidden = Confinement::RuntimeDirHidden;
        assert!(is_cut_off(hidden, Need::Manager) && is_cut_off(hidden, Need::SystemdRun));
        assert!(!is_cut_off(hidden, Need::Logind) && !is_cut_off(hidden, Need::Tmux));
        assert!(is_cut_off(Confinement::OtherUser, Need::Logind));
        assert!(is_cut_off(Confinement::NoUnixSockets, Need::Tmux));
    }
}
