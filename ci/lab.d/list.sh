# shellcheck shell=bash
# What there is.

lab_list() {
    local release row='%-20s %-18s %-15s %-20s %s\n' machines package number
    (($# == 0)) || host_usage "list takes no argument"
    # shellcheck disable=SC2059
    printf "$row" RELEASE SYSTEMD TMUX GIT UP
    for release in "${LAB_RELEASES[@]}"; do
        local -A version=()
        while read -r package number; do
            version[$package]=$number
        done < <(root_versions "$release")
        machines=$(machine_names "$release" | paste -sd ' ')
        # shellcheck disable=SC2059
        printf "$row" "$release" "${version[systemd]:-not built}" "${version[tmux]:--}" "${version[git]:--}" "${machines:--}"
    done
}

# machine_names [RELEASE]: those that something looks after.
machine_names() {
    local state name
    for state in "$LAB_RUN"/*/; do
        name=$(basename "$state")
        if machine_alive "$name" && [[ ${1:-} == '' || $(<"$state/release") == "$1" ]]; then
            printf '%s\n' "$name"
        fi
    done
}
