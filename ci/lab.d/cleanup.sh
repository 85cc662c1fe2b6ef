# shellcheck shell=bash
# Whatever this invocation made is taken back when it ends, however it ends.

CLEANUP=()

cleanup_arm() {
    trap cleanup_run EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# cleanup_push FUNCTION ARG: run this at exit. The latest runs first.
cleanup_push() {
    CLEANUP+=("$1" "$2")
}

# Drops the latest entry: what it would undo was handed on, or is already removed.
cleanup_pop() {
    CLEANUP=("${CLEANUP[@]:0:${#CLEANUP[@]}-2}")
}

cleanup_run() {
    local status=$? i
    trap '' HUP INT TERM
    trap - EXIT
    set +e
    for ((i = ${#CLEANUP[@]} - 2; i >= 0; i -= 2)); do
        "${CLEANUP[i]}" "${CLEANUP[i + 1]}"
    done
    exit "$status"
}

# cleanup_await PID [FUNCTION]: bash runs a trap only between two commands, so what may take long is a background job,
# and this waits for it. FUNCTION ends the job when this invocation is interrupted.
cleanup_await() {
    local status=0
    cleanup_push "${2:-cleanup_end_job}" "$1"
    wait "$1" || status=$?
    cleanup_pop
    return "$status"
}

cleanup_end_job() {
    kill -TERM "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

cleanup_end_jobs() {
    local pid
    for pid in $(jobs -rp); do
        cleanup_end_job "$pid"
    done
}

# For `unshare --fork --kill-child`, which heeds no SIGTERM.
cleanup_kill_job() {
    kill -KILL "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}

cleanup_wait_job() {
    wait "$1" 2>/dev/null
}
