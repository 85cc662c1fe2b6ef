# shellcheck shell=bash

# side_by_side COMMAND... -- ARG...: runs the command with each argument, as many at a time as there are processors.
# Fails if one of them failed, once all have ended.
side_by_side() {
    local command=() argument running=0 status=0
    while [[ $1 != -- ]]; do
        command+=("$1")
        shift
    done
    shift
    for argument; do
        if ((running == $(nproc))); then
            wait -n || status=1
            running=$((running - 1))
        fi
        "${command[@]}" "$argument" &
        running=$((running + 1))
    done
    for ((; running > 0; running--)); do
        wait -n || status=1
    done
    return "$status"
}
