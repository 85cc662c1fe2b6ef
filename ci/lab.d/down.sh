# shellcheck shell=bash
# Ending machines, and sweeping up after those that could not end by themselves.

POWEROFF_SECONDS=15

lab_down() {
    local names=("$@") name jobs=() job status=0
    (($#)) || host_usage "down: which machine? up are: $(machine_names | paste -sd ' ')"
    if [[ $1 == --all ]]; then
        (($# == 1)) || host_usage "down: --all is all of them"
        # Dead ones too: they may have left something.
        mapfile -t names < <(find "$LAB_RUN" -mindepth 1 -maxdepth 1 -type d -name '[!.]*' -printf '%f\n' 2>/dev/null)
    fi
    for name in "${names[@]}"; do
        [[ $name && $name != */* && -d $LAB_RUN/$name ]] ||
            host_usage "no machine '$name' is up; up are: $(machine_names | paste -sd ' ')"
    done
    for name in "${names[@]}"; do
        machine_end "$name" &
        jobs+=("$!")
    done
    for job in "${jobs[@]}"; do
        wait "$job" || status=1
    done
    return "$status"
}

machine_end() {
    local name=$1 leader
    if leader=$(machine_process "$name" leader); then
        # Asks its manager for poweroff.target: systemd(1), SIGNALS.
        kill -s RTMIN+4 "$leader" 2>/dev/null || true
        machine_await_end "$name" "$POWEROFF_SECONDS" ||
            host_say "'$name' did not power off in $POWEROFF_SECONDS s: killing it"
    fi
    machine_abandon "$name"
}

# Ends a machine at once, whatever it is doing.
machine_abandon() {
    local name=$1 supervisor='' tries=50
    while ((tries-- > 0)); do
        ! supervisor=$(machine_process "$name" supervisor) || kill -s TERM "$supervisor" 2>/dev/null || true
        # One that was started just now holds the lock already, and has yet to record itself: then once more.
        ! machine_await_end "$name" 0.2 || break
    done
    ((tries >= 0)) || [[ ! $supervisor ]] || kill -s KILL "$supervisor" 2>/dev/null || true
    [[ ! -d $LAB_RUN/$name ]] || machine_sweep "$name"
}

# Waits for the last holder of the lock to go.
machine_await_end() {
    local lock status=0
    { exec {lock}<"$LAB_RUN/$1/alive"; } 2>/dev/null || return 0
    flock --shared --timeout "$2" "$lock" || status=1
    exec {lock}<&-
    return "$status"
}

# The supervisor was killed, and what it would have removed is still there.
machine_sweep() {
    unshare --mount --propagation private "$LAB" supervise --sweep "$1"
}
