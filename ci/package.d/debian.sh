# shellcheck shell=bash
# The package for Debian.

# It runs once: to optimise it would take longer.
install_cargo_deb() {
    command -v cargo-deb >/dev/null || cargo install --quiet --locked --debug cargo-deb
}

# Makes what Cargo.toml names as assets, and the package of it.
debian_build() {
    local doctor unit command
    say 'the package for Debian'
    install_cargo_deb
    rm -rf "$STAGE"
    mkdir -p "$STAGE"/{man,completions,units/system,units/user}
    doctor=$STAGE/doctor
    cp "${CARGO_TARGET_DIR:-target}/$(uname -m)-unknown-linux-musl/release/doctor" "$doctor"
    "$doctor" man >"$STAGE/man/doctor.1"
    # Each command has a page.
    for command in $("$doctor" --help | sed -n '/^Commands:$/,/^$/s/^  \([a-z]\+\) .*/\1/p'); do
        "$doctor" man "$command" >"$STAGE/man/doctor-$command.1"
    done
    "$doctor" completions bash >"$STAGE/completions/doctor"
    "$doctor" completions zsh >"$STAGE/completions/_doctor"
    "$doctor" completions fish >"$STAGE/completions/doctor.fish"
    # For the user's manager as they are; for the system's, a template whose instance is the user.
    for unit in doctor.service doctor.timer; do
        sed 's#/usr/local/bin/#/usr/bin/#' "ci/recipes/$unit" >"$STAGE/units/user/$unit"
    done
    cp ci/package.d/doctor@.service ci/package.d/doctor@.timer "$STAGE/units/system/"
    {
        printf 'launch-doctor (%s-1) unstable; urgency=medium\n\n' "$(version)"
        printf '  * Release %s: see https://github.com/launch-doctor/launch-doctor/releases\n\n' "$(version)"
        printf ' -- The launch-doctor developers <launch-doctor@users.noreply.github.com>  %s\n' \
            "$(LC_ALL=C date --utc --rfc-email --date="@$(git log -1 --format=%ct)")"
    } >"$STAGE/changelog"
    cargo deb --quiet --no-build --no-strip --output "$FILES/" >/dev/null
    DEB=$(echo "$FILES"/*.deb)
}

debian_check() {
    say 'lintian'
    command -v lintian >/dev/null || die 'lintian is not installed: apt-get install lintian'
    lintian --fail-on error --suppress-tags statically-linked-binary "$DEB"
    . ci/lab.d/releases.sh
    release_fixed
    . ci/side_by_side.sh
    side_by_side debian_try -- "${RELEASES[@]}"
}

# Installs it on a fresh machine, runs it as a user, purges it, and compares what files there are before and after.
debian_try() {
    local machine=deb-$$-$1 status=0
    say "the package on $1: installed, run and purged"
    DOCTOR_BIN=$STAGE/doctor ci/lab up "$1" --name "$machine" >/dev/null
    # Not the one that the lab puts there.
    ci/lab run "$machine" --root -- rm /usr/local/bin/doctor
    ci/lab run "$machine" --root -- sh -c 'cat >/root/doctor.deb' <"$DEB"
    ci/lab run "$machine" --root -- bash -es <ci/package.d/try-deb || status=$?
    ci/lab down "$machine"
    ((status == 0)) || die "the package failed on $1, see above"
}
