# shellcheck shell=bash
# The `doctor` that goes into a machine.

# Sets CARGO: this user's, or that of the user who ran this by sudo.
binary_cargo() {
    local home
    CARGO=(cargo)
    if ((EUID == 0 && ${SUDO_UID:-0} != 0)); then
        home=$(getent passwd "$SUDO_UID" | cut -d : -f 6)
        CARGO=(sudo --user="#$SUDO_UID" env HOME="$home" PATH="$home/.cargo/bin:$PATH" cargo)
    fi
    "${CARGO[@]}" --version &>/dev/null
}

# Sets BINARY, empty when there is none.
binary_find() {
    local tree=${LAB_D%/ci/lab.d} target
    if [[ ${DOCTOR_BIN:-} ]]; then
        [[ -f $DOCTOR_BIN && -x $DOCTOR_BIN ]] || host_die "DOCTOR_BIN is no program: $DOCTOR_BIN"
        BINARY=$(readlink -f -- "$DOCTOR_BIN")
        return
    fi
    # Static: what is linked against this host's glibc does not start on an older release.
    target=$(uname -m)-unknown-linux-musl
    BINARY=${CARGO_TARGET_DIR:-$tree/target}/$target/release/doctor
    if [[ -f $tree/Cargo.toml ]] && binary_cargo; then
        "${CARGO[@]}" build --quiet --release --target "$target" --bin doctor --manifest-path "$tree/Cargo.toml" >&2 &
        cleanup_await "$!" || host_die "cargo could not build doctor for $target; try: rustup target add $target"
    elif [[ -x $BINARY ]]; then
        host_say "no cargo here: doctor in the machine is $BINARY as it was built last"
    else
        host_say "no doctor built and no cargo to build it with: the machine has none; name one in DOCTOR_BIN"
        BINARY=
    fi
}
