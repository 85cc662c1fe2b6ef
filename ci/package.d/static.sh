# shellcheck shell=bash
# Static binaries.

# Sets BINARY. rustc's own linker and musl make a binary for another machine without its toolchain.
static_build() {
    local target=$1-unknown-linux-musl
    [[ -d $(rustc --print sysroot)/lib/rustlib/$target ]] || rustup target add "$target" ||
        die "the static build needs Rust's target $target: run rustup target add $target"
    if [[ $1 != "$(uname -m)" ]]; then
        export "CARGO_TARGET_${1^^}_UNKNOWN_LINUX_MUSL_LINKER=rust-lld"
    fi
    say "the static binary for $1"
    cargo build --quiet --release --bin doctor --target "$target"
    BINARY=${CARGO_TARGET_DIR:-target}/$target/release/doctor
    cp "$BINARY" "$FILES/doctor-$(version)-$target"
}

# What needs no host to examine, under user-mode emulation where the machine is another.
static_self_test() {
    local emulator=()
    if [[ $1 != "$(uname -m)" ]]; then
        emulator=("qemu-$1-static")
        command -v "${emulator[0]}" >/dev/null || die "${emulator[0]} is not installed: apt-get install qemu-user-static"
    fi
    "${emulator[@]}" "$BINARY" --version | grep -F "$1-unknown-linux-musl" >&2
    [[ $("${emulator[@]}" "$BINARY" list --color never | grep -c '^  ') -gt 40 ]] || die "the binary for $1 lists no probes"
    "${emulator[@]}" "$BINARY" explain linger | grep -q '^Symptom' || die "the binary for $1 explains nothing"
    local runner
    runner=CARGO_TARGET_${1^^}_UNKNOWN_LINUX_MUSL_RUNNER
    # The judge, the reports and the readers: what starts no process of its own.
    env ${emulator:+"$runner=${emulator[0]}"} cargo test --quiet --lib --package launch-doctor --target "$1-unknown-linux-musl" >&2
}
