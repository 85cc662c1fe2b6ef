use crate::fact_values;
use crate::sandbox::Fact;

/// Whether a scope can be started.
pub(crate) const AVAILABLE: Fact<Availability> = Fact::new("available");

fact_values! {
    /// Whether a scope can be started, and if not, what prevents it.
    pub(crate) enum Availability {
        Works = "works",
        Slow = "slow",
        NoSystemd = "no-systemd",
        NoSystemdRun = "no-systemd-run",
        SystemdRunOutsidePath = "systemd-run-outside-path",
        NoBusVariables = "no-bus-variables",
        BusAddressDead = "bus-address-dead",
        BusAddressForeign = "bus-address-foreign",
        RuntimeDirMissing = "runtime-dir-missing",
        RuntimeDirForeign = "runtime-dir-foreign",
        RuntimeDirEmpty = "runtime-dir-empty",
        RuntimeDirDead = "runtime-dir-dead",
        NoUserManager = "no-user-manager",
        UserManagerStopped = "user-manager-stopped",
        SocketRefuses = "socket-refuses",
        RuntimeDirHidden = "runtime-dir-hidden",
        RuntimeDirEmptied = "runtime-dir-emptied",
        RuntimeDirEmptiedForGood = "runtime-dir-emptied-for-good",
        RuntimeDirOtherNamespace = "runtime-dir-other-namespace",
        RuntimeDirFull = "runtime-dir-full",
        UserManagerStarting = "user-manager-starting",
        UserManagerStopping = "user-manager-stopping",
        UserManagerMasked = "user-manager-masked",
        UserManagerFailed = "user-manager-failed",
        AccountExpired = "account-expired",
        NoAccount = "no-account",
        InotifyUsedUp = "inotify-used-up",
        LogindMasked = "logind-masked",
        SessionWithoutManager = "session-without-manager",
        CgroupLimit = "cgroup-limit",
        NoAnswer = "no-answer",
        NoSystemBus = "no-system-bus",
        SystemBusLost = "system-bus-lost",
        SliceRefused = "slice-refused",
        SliceNoText = "slice-no-text",
        SliceMasked = "slice-masked",
        SliceDoesNotStart = "slice-does-not-start",
        Other = "other",
    }
}
