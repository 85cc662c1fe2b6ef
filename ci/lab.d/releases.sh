# shellcheck shell=bash
# Which releases there are, and what goes into their roots. tests/lab/lab/release.rs has the same list, and a test
# compares them.

LAB_RELEASES=(debian-11 debian-12 debian-12-backports debian-13 debian-13-backports debian-14 debian-sid)
# Changes every day: built and examined only by name, and by ci/canary.
LAB_ROLLING=debian-sid

release_known() {
    [[ $1 != *' '* && " ${LAB_RELEASES[*]} " == *" $1 "* ]]
}

# Sets RELEASES to those that stay as they are.
release_fixed() {
    local release
    RELEASES=()
    for release in "${LAB_RELEASES[@]}"; do
        [[ $release == "$LAB_ROLLING" ]] || RELEASES+=("$release")
    done
}

# The file that holds what a release measured.
release_record() {
    case $1 in
    "$LAB_ROLLING") echo "docs/records/$1-rolling.toml" ;;
    *) echo "docs/records/$1.toml" ;;
    esac
}

# The suites of a release, base first; a later one is preferred.
release_suites() {
    case $1 in
    debian-11) echo bullseye ;;
    debian-12) echo bookworm ;;
    debian-12-backports) echo bookworm bookworm-backports ;;
    debian-13) echo trixie ;;
    debian-13-backports) echo trixie trixie-backports ;;
    debian-14) echo forky ;;
    debian-sid) echo sid ;;
    esac
}

release_packages() {
    # login ships /etc/pam.d/login, the service that sessions are opened with.
    local packages=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,login,passwd
    packages+=,tmux,git,util-linux,bsdutils,procps,jq
    case $1 in
    debian-11) echo "$packages,policykit-1" ;;
    *) echo "$packages,polkitd" ;;
    esac
}
