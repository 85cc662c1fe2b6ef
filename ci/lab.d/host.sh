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

# Runs this command line again by sudo, unless this is root. What cargo builds is built before, by the user.
host_become_root() {
    local ask=()
    ((EUID != 0)) || return 0
    command -v sudo >/dev/null || host_die "the lab needs root, and there is no sudo here: run ci/lab $1 as root"
    # Without a terminal there is no way to type a password.
    [[ -t 0 && -t 2 ]] || ask=(--non-interactive)
    sudo "${ask[@]}" true 2>/dev/null ||
        host_die "the lab needs root, and sudo asks for a password: run sudo --validate first, or run this as root"
    if [[ ! ${DOCTOR_BIN:-} ]] && host_wants_binary "$@"; then
        binary_find
        DOCTOR_BIN=$BINARY
    fi
    exec sudo "${ask[@]}" env TERM="${TERM:-dumb}" ${DOCTOR_BIN:+DOCTOR_BIN="$DOCTOR_BIN"} \
        ${DOCTOR_LAB_CACHE:+DOCTOR_LAB_CACHE="$DOCTOR_LAB_CACHE"} ${DOCTOR_LAB_MIRROR:+DOCTOR_LAB_MIRROR="$DOCTOR_LAB_MIRROR"} \
        "$LAB" "$@"
}

# Whether a command line boots a machine.
host_wants_binary() {
    local verb=$1 target=${2:-}
    [[ $target != --vm ]] || target=${3:-}
    [[ $verb == up ]] || { [[ $verb == run || $verb == shell ]] && release_known "$target" && ! machine_alive "$target"; }
}

# host_require_space DIRECTORY MIB
host_require_space() {
    local free
    free=$(df --output=avail --block-size=1M "$1" | tail -n 1)
    free=$((free))
    ((free >= $2)) || host_die "only $free MiB are free in $1, and $2 are needed: free some space, or name another" \
        "directory in DOCTOR_LAB_CACHE"
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
    command -v apt-get >/dev/null || host_die "missing $*, and there is no apt-get here: install them"
    host_say "installing $*"
    host_install "$@" 2>/dev/null || { apt-get -qq update && host_install "$@"; } >/dev/null 2>&1 ||
        host_die "apt-get could not install $*: install them (apt-get install $*), then try again"
}

host_install() {
    DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >/dev/null
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
        # Without fetched lists apt knows no label, and only the path distinguishes the archives.
        if [[ $component == main && $codename != *-security && ($label == Debian || $uri == */debian/) ]]; then
            printf '%s\n' "$uri"
            return
        fi
    done < <(apt-get indextargets --format '$(LABEL)|$(COMPONENT)|$(CODENAME)|$(REPO_URI)' 'Created-By: Packages')
    host_die "apt's sources name no mirror of Debian's main archive; name one in DOCTOR_LAB_MIRROR"
}

# The leader of a machine can have exited and its pid be in use again; pid and start time together are unique.
host_process_start() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    read -ra stat <<<"${stat##*) }"
    # Field 22 of proc_pid_stat(5), counted from the state, which is the third.
    printf '%s\n' "${stat[19]}"
}
