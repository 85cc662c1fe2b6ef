# shellcheck shell=bash
# Machines: booting, finding and ending them. /run/launch-doctor-lab/NAME holds what is known about one, and its file
# `alive` is locked for exactly as long as one of its keepers is there: first `up`, then its supervisor and nspawn.

BOOT_SECONDS=60

lab_up() {
    local release='' name=''
    OWNER=''
    while (($#)); do
        case $1 in
        --name)
            name=${2:-}
            [[ $name ]] || host_usage "up: --name needs a name"
            shift
            ;;
        --owner)
            OWNER=${2:-}
            [[ $OWNER =~ ^[0-9]+$ && -d /proc/$OWNER ]] || host_usage "up: --owner needs the id of a process that runs"
            shift
            ;;
        -*) host_usage "up: no option '$1'" ;;
        *)
            [[ ! $release ]] || host_usage "up: one release at a time, not '$1' as well"
            release=$1
            ;;
        esac
        shift
    done
    release_known "$release" || host_usage "no release '$release'; there are: ${LAB_RELEASES[*]}"
    name=${name:-$(vm_name "$release")}
    # It becomes a host name, a cgroup and a path.
    [[ $name =~ ^[a-z0-9][a-z0-9-]{0,59}$ ]] || host_usage "no name for a machine: '$name' (a-z, 0-9 and -, up to 60)"
    machine_boot "$release" "$name"
    printf '%s\n' "$name"
}

machine_boot() {
    local release=$1 name=$2
    host_need
    root_hold "$release"
    if [[ $VM ]]; then
        vm_need
        vm_image_hold "$release"
        BOOT_SECONDS=$VM_BOOT_SECONDS
    fi
    binary_find
    cleanup_push machine_unclaim "$name"
    machine_claim "$name" "$release"
    machine_await_ready "$name"
    cleanup_pop
    # From here on only the supervisor holds the locks.
    exec {ALIVE}>&- {ROOT_LOCK}<&-
    machine_report_state "$name"
}

# Takes the name, with everything in place in one rename, so that of two that want it only one gets it.
machine_claim() {
    local name=$1 claim=$LAB_RUN/.$1.$$ tries=20
    if [[ -d $LAB_RUN/$name ]]; then
        ! machine_alive "$name" || host_die "a machine '$name' is up already: ci/lab down $name, or give --name"
        machine_sweep "$name"
    fi
    # The last machine that goes removes the parent, perhaps between these two.
    until mkdir -p "$LAB_RUN" && mkdir "$claim" 2>/dev/null; do
        ((tries-- > 0)) || host_die "cannot make $claim"
    done
    inotify_raise
    exec {ALIVE}>"$claim/alive"
    flock "$ALIVE"
    printf '%s\n' "$2" >"$claim/release"
    printf '%s\n' "$ROOT" >"$claim/root"
    printf '%s\n' "$LAB_CACHE/machines/$name" >"$claim/disk"
    printf '%s\n' "$BINARY" >"$claim/binary"
    [[ ! ${OWNER:-} ]] || printf '%s\n' "$OWNER" >"$claim/owner"
    [[ ! $VM ]] || printf '%s\n' "$VM_IMAGE" >"$claim/vm"
    mv -T "$claim" "$LAB_RUN/$name" 2>/dev/null ||
        host_die "a machine '$name' is being booted already: wait for it, or give --name"
}

# Gives the name back, if it was this invocation that took it.
machine_unclaim() {
    rm -rf "$LAB_RUN/.$1.$$"
    if [[ ${ALIVE:-} && $LAB_RUN/$1/alive -ef /proc/self/fd/$ALIVE ]]; then
        exec {ALIVE}>&-
        machine_abandon "$1"
        wait
    fi 2>/dev/null
    machine_leave_run
}

# The last one that goes puts things back.
machine_leave_run() {
    inotify_restore
    rmdir --ignore-fail-on-non-empty "$LAB_RUN" 2>/dev/null || true
}

# nspawn reports on its notification socket which process is the leader, and when the machine's manager has started.
machine_await_ready() {
    local name=$1 state=$LAB_RUN/$1 line events console listener outcome='' left
    exec {events}< <(
        exec {ALIVE}>&- {ROOT_LOCK}<&-
        exec setpriv --pdeathsig TERM "$LAB_D/notify-socket" "$state/notify"
    )
    listener=$!
    cleanup_push cleanup_end_job "$listener"
    SECONDS=0
    while [[ ! $outcome ]]; do
        left=$((BOOT_SECONDS - SECONDS))
        if ((left <= 0)) || ! read -r -t "$left" -u "$events" line; then
            outcome="did not finish booting in $BOOT_SECONDS s"
            break
        fi
        case $line in
        LISTENING)
            machine_launch "$name"
            exec {console}<"$state/console"
            ;;
        X_NSPAWN_LEADER_PID=*) machine_record "$name" leader "${line#*=}" ;;
        READY=1) outcome=ready ;;
        STATUS=Gone) outcome='ended while booting' ;;
        esac
    done
    cleanup_end_job "$listener" || true
    cleanup_pop
    exec {events}<&-
    rm -f "$state/notify"
    if [[ $outcome != ready ]]; then
        tail -n 20 <&"$console" >&2
        host_die "'$name' $outcome, see its console above"
    fi
    exec {console}<&-
}

# In a session of its own, holding the locks and nothing else of the caller's: a pipe that reads from `up` sees its end.
machine_launch() {
    # `up` opens it at once, and the job below may not have got so far.
    : >"$LAB_RUN/$1/console"
    setsid unshare --mount --propagation private "$LAB" supervise "$1" </dev/null >"$LAB_RUN/$1/console" 2>&1 &
}

machine_record() {
    printf '%s %s\n' "$3" "$(host_process_start "$3")" >"$LAB_RUN/$1/$2"
}

machine_report_state() {
    local state
    machine_entry "$1"
    state=$("${ENTRY[@]}" systemctl is-system-running) && return
    host_say "WARNING: '$1' is up, but its systemd says it is '$state':"
    "${ENTRY[@]}" systemctl --no-legend --no-pager --plain --failed >&2 || true
}

# Sets ENTRY, the command line that runs another in the machine's namespaces, though not in one of its cgroups.
machine_entry() {
    local leader
    if vm_is "$1"; then
        vm_entry "$1"
        return
    fi
    leader=$(machine_process "$1" leader) || host_die "machine '$1' has ended"
    ENTRY=(nsenter --target "$leader" --all env --ignore-environment TERM="${TERM:-dumb}" LANG=C.UTF-8
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
        SYSTEMD_TINT_BACKGROUND=0 SYSTEMD_ADJUST_TERMINAL_TITLE=0)
}

# The pid of a machine's leader or supervisor, unless that process has exited.
machine_process() {
    local pid start
    { read -r pid start <"$LAB_RUN/$1/$2"; } 2>/dev/null || return 1
    [[ $start && $(host_process_start "$pid") == "$start" ]] || return 1
    printf '%s\n' "$pid"
}

machine_alive() {
    local lock
    { exec {lock}<"$LAB_RUN/$1/alive"; } 2>/dev/null || return 1
    if flock --shared --nonblock "$lock"; then
        exec {lock}<&-
        return 1
    fi
    exec {lock}<&-
}

