# shellcheck shell=bash
# The process that looks after one machine, from before its first process until after its last. It runs in a mount
# namespace of its own, so what it mounts goes with it, and outside of the machine's cgroup, so it can remove that.

supervise() {
    local name=${1:-}
    if [[ $name == --sweep ]]; then
        cgroup_mount
        supervise_remove "$2"
        return
    fi
    # Powering off is asked of the machine's own manager; SIGTERM pulls the plug.
    NSPAWN='' DOOMED='' WATCHER=''
    trap supervise_kill TERM
    trap '' HUP INT
    # shellcheck disable=SC2064
    trap "supervise_remove '$name'" EXIT
    machine_record "$name" supervisor "$BASHPID"

    local state=$LAB_RUN/$name root disk binary owner
    root=$(<"$state/root")/root
    disk=$(<"$state/disk")
    binary=$(<"$state/binary")
    mkdir -p "$disk"/{upper,work,root}
    ! owner=$(cat "$state/owner" 2>/dev/null) || supervise_watch "$owner"
    if vm_is "$name"; then
        vm_supervise "$name" "$disk"
        return
    fi
    # volatile: nothing here has to survive a crash of the host, so the machine's fsync costs nothing.
    mount -t overlay -o "lowerdir=$root,upperdir=$disk/upper,workdir=$disk/work,volatile" overlay "$disk/root"
    [[ ! $binary ]] || install -m 755 -T "$binary" "$disk/root/usr/local/bin/doctor"

    cgroup_mount
    supervise_boot "$name" "$disk/root" &
    NSPAWN=$!
    [[ ! $DOOMED ]] || supervise_kill
    # A trap ends the wait, and not yet the machine.
    until wait "$NSPAWN" || [[ ! $(jobs -pr) ]]; do :; done
}

# Pulls the plug once the owner has exited: a test that was killed could not do it.
supervise_watch() {
    local supervisor=$BASHPID
    {
        trap - TERM EXIT
        tail --pid="$1" --follow /dev/null &
        trap 'kill "$!"' TERM
        wait "$!"
        [[ -d /proc/$1 ]] || kill "$supervisor"
    } &
    WATCHER=$!
    # To be waited for at the end is the machine, and not this.
    disown "$WATCHER"
}

# nspawn itself goes only after its children, so that nothing is left for the host's PID 1 to reap.
supervise_kill() {
    DOOMED=yes
    while [[ $NSPAWN && $(jobs -pr) ]]; do
        pkill --signal KILL --parent "$NSPAWN" || kill -s KILL "$NSPAWN" 2>/dev/null || true
        sleep 0.02
    done
}

supervise_boot() {
    local name=$1 hide=/run/systemd
    trap - TERM EXIT
    # nspawn's directories in there are not for the host to keep. A host's own manager has to stay reachable.
    ! cgroup_managed || hide=/run/systemd/nspawn
    mkdir -p "$hide"
    mount -t tmpfs -o mode=755 tmpfs "$hide"
    # Not registered with a machined: there may be none. No system call filter: what the kernel can, systemd can.
    export NOTIFY_SOCKET=$LAB_RUN/$name/notify SYSTEMD_SECCOMP=0
    cgroup_exec "$name" systemd-nspawn \
        --boot --directory="$2" --machine="$name" --register=no --keep-unit --settings=no --notify-ready=yes \
        --setenv=TERM=dumb --private-network --resolv-conf=off --timezone=off --link-journal=no --console=read-only
}

supervise_remove() {
    local name=$1 disk
    trap '' TERM
    set +e
    [[ ! ${WATCHER:-} ]] || kill "$WATCHER" 2>/dev/null
    cgroup_remove "$name"
    if disk=$(<"$LAB_RUN/$name/disk"); then
        ! mountpoint --quiet "$disk/root" || umount --lazy "$disk/root"
        rm -rf "${disk:?}"
    fi
    NOTIFY_SOCKET=$LAB_RUN/$name/notify systemd-notify --status=Gone 2>/dev/null
    rm -rf "${LAB_RUN:?}/$name"
    machine_leave_run
}
