# shellcheck shell=bash

# side_by_side COMMAND... -- ARG...: runs the command with each argument, as many at a time as there are processors.
# Fails if one of them failed, once all have ended.
side_by_side() {
    local command=() argument pid pids=() running=0 status=0
    while [[ $1 != -- ]]; do
        command+=("$1")
        shift
    done
    shift
    for argument; do
        if ((running == $(nproc))); then
            # It says of a job that ended before it was called that there is none, so it gives no status.
            wait -n || true
            running=$((running - 1))
        fi
        "${command[@]}" "$argument" &
        pids+=("$!")
        running=$((running + 1))
    done
    for pid in "${pids[@]}"; do
        wait "$pid" || status=1
    done
    return "$status"
}
