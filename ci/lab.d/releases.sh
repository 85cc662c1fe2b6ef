# shellcheck shell=bash
# Which releases there are, and what goes into their roots.

LAB_RELEASES=(debian-11 debian-12 debian-12-backports debian-13 debian-14)

release_known() {
    [[ $1 != *' '* && " ${LAB_RELEASES[*]} " == *" $1 "* ]]
}

# The suites of a release, base first; a later one is preferred.
release_suites() {
    case $1 in
    debian-11) echo bullseye ;;
    debian-12) echo bookworm ;;
    debian-12-backports) echo bookworm bookworm-backports ;;
    debian-13) echo trixie ;;
    debian-14) echo forky ;;
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
