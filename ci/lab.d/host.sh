# shellcheck shell=bash
# What the host has to offer, and how to talk to the person at it.

host_say() {
    printf 'ci/lab: %s\n' "$*" >&2
}

host_die() {
    host_say "$@"
    exit 1
}

host_usage() {
    host_say "$@" "(see: ci/lab help)"
    exit 2
}

host_require_root() {
    ((EUID == 0)) || host_die "containers need root; run as root: sudo ci/lab $*"
}

# Installs the packages whose commands are missing; costs nothing when all are there.
host_need() {
    local -A packages=(
        [systemd-nspawn]=systemd-container [mmdebstrap]=mmdebstrap [nsenter]=util-linux [setpriv]=util-linux
        [perl]=perl-base [pkill]=procps)
    local command
    local missing=()
    for command in "${!packages[@]}"; do
        command -v "$command" >/dev/null || missing+=("${packages[$command]}")
    done
    [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
    ((${#missing[@]})) || return 0

    host_install_missing "${missing[@]}"
}

host_install_missing() {
    command -v apt-get >/dev/null || host_die "missing $*, and this is no Debian: install them"
    host_say "installing $*"
    host_install "$@" || {
        apt-get -qq update >&2
        host_install "$@"
    } || host_die "apt-get could not install $*: install them, then try again"
}

host_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >&2
}

# The mirror that apt here takes Debian's main archive from: not security, not a third party's.
host_mirror() {
    local label component codename uri
    if [[ ${DOCTOR_LAB_MIRROR:-} ]]; then
        printf '%s\n' "$DOCTOR_LAB_MIRROR"
        return
    fi
    # shellcheck disable=SC2016 # these are for apt to fill in
    while IFS='|' read -r label component codename uri; do
        # Without fetched lists apt knows no label, and only the path tells the archives apart.
        if [[ $component == main && $codename != *-security && ($label == Debian || $uri == */debian/) ]]; then
            printf '%s\n' "$uri"
            return
        fi
    done < <(apt-get indextargets --format '$(LABEL)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages')
    host_die "apt's sources name no mirror of Debian's main archive; name one in DOCTOR_LAB_MIRROR"
}

# The leader of a machine can be gone and its pid taken by another; pid and start time together are unique.
host_process_start() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra stat <<<"${stat##*) }"
    # Field 22 of proc_pid_stat(5), counted from the state, which is the third.
    printf '%s\n' "${stat[19]}"
}
