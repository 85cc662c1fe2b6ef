# shellcheck shell=bash
# A cgroup2 tree for a machine. systemd 258 and later run on nothing else.

# Where systemd manages the host's cgroup2 tree, it delegates a part of it. Elsewhere the tree has no manager.
cgroup_managed() {
    [[ -d /run/systemd/system && $(stat --file-system --format %T /sys/fs/cgroup) == cgroup2fs ]]
}

cgroup_unit() {
    printf 'launch-doctor-lab-%s\n' "$1"
}

# Called in a private mount namespace: whatever /sys/fs/cgroup is outside stays as it is.
cgroup_mount() {
    cgroup_managed || mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# cgroup_exec NAME CMD ARG...: becomes CMD, alone in a cgroup below which it may do as it likes.
cgroup_exec() {
    local unit cgroup
    unit=$(cgroup_unit "$1")
    shift
    if cgroup_managed; then
        exec systemd-run --quiet --scope --collect --unit="$unit" --slice=machine.slice --property=Delegate=yes -- "$@"
    fi
    cgroup=/sys/fs/cgroup/$unit
    mkdir -p "$cgroup"
    echo "$BASHPID" >"$cgroup/cgroup.procs"
    exec "$@"
}

# Ends what is left in it, too.
cgroup_remove() {
    local unit cgroup tries=250
    unit=$(cgroup_unit "$1")
    cgroup=/sys/fs/cgroup/$unit
    if cgroup_managed; then
        systemctl kill --signal=KILL "$unit.scope" 2>/dev/null
        systemctl stop "$unit.scope" 2>/dev/null
        return
    fi
    [[ -d $cgroup ]] || return 0
    echo 1 >"$cgroup/cgroup.kill"
    # The kernel reports an empty cgroup by inotify only, so this polls.
    until find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; do
        ((tries-- > 0)) || host_die "processes stay in $cgroup though killed: $(cat "$cgroup/cgroup.procs")"
        sleep 0.02
    done
}
