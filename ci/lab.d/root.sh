# shellcheck shell=bash
# The pristine root of each release. A root's directory carries the hash of its recipe, and appears only when complete;
# whoever uses it holds a shared lock on the directory itself.

lab_build() {
    local again='' releases=() release
    while (($#)); do
        case $1 in
        --again) again=--again ;;
        -*) host_usage "build: no option '$1'" ;;
        *)
            release_known "$1" || host_usage "no release '$1'; there are: ${LAB_RELEASES[*]}"
            releases+=("$1")
            ;;
        esac
        shift
    done
    ((${#releases[@]})) || releases=("${LAB_RELEASES[@]}")
    host_need

    if ((${#releases[@]} == 1)); then
        [[ ! $again ]] || root_discard "${releases[0]}"
        root_hold "${releases[0]}"
        root_describe "${releases[0]}"
        return
    fi
    local status=0 running=0
    for release in "${releases[@]}"; do
        if ((running == $(nproc))); then
            wait -n || status=1
            running=$((running - 1))
        fi
        "$LAB" build ${again:+"$again"} "$release" &
        cleanup_push cleanup_end_job "$!"
        running=$((running + 1))
    done
    for ((; running > 0; running--)); do
        wait -n || status=1
    done
    cleanup_forget
    return "$status"
}

root_path() {
    local release=$1 hash
    hash=$({
        release_suites "$release"
        release_packages "$release"
        declare -f root_bootstrap
        cat "$LAB_D/furnish"
    } | sha256sum)
    printf '%s\n' "$LAB_CACHE/$release.${hash:0:12}"
}

# Builds the root unless it is there. Sets ROOT, and ROOT_LOCK to a descriptor that keeps it from being discarded.
root_hold() {
    local release=$1 build_lock
    ROOT=$(root_path "$release")
    while ! root_lock; do
        mkdir -p "$LAB_CACHE"
        exec {build_lock}>"$LAB_CACHE/$release.lock"
        flock "$build_lock" &
        cleanup_await "$!"
        [[ -d $ROOT ]] || root_make "$release"
        exec {build_lock}>&-
    done
}

root_lock() {
    [[ -d $ROOT ]] || return 1
    { exec {ROOT_LOCK}<"$ROOT"; } 2>/dev/null || return 1
    flock --shared --nonblock "$ROOT_LOCK" && [[ $ROOT -ef /proc/self/fd/$ROOT_LOCK ]] && return
    exec {ROOT_LOCK}<&-
    return 1
}

# Under the release's build lock, so that everything unfinished here is a dead build's.
root_make() {
    local release=$1 new=$ROOT.new package
    rm -rf "$LAB_CACHE/$release".*.new
    host_say "building $release, once; this takes about half a minute"
    mkdir "$new"
    cleanup_push root_remove "$new"
    root_bootstrap "$release" "$new/root" >"$new/log" 2>&1 &
    cleanup_await "$!" cleanup_kill_job || {
        tail -n 15 "$new/log" >&2
        host_die "mmdebstrap could not build $release, see above"
    }
    for package in systemd tmux git util-linux; do
        dpkg-query --admindir="$new/root/var/lib/dpkg" --show --showformat '${Package} ${Version}\n' "$package"
    done >"$new/versions"
    rm "$new/log" "$new/root.apt"
    mv -T "$new" "$ROOT"
    cleanup_pop
    root_prune "$release"
}

# In namespaces of its own: killing this one process ends all of it, and its mounts go too.
root_bootstrap() {
    local release=$1 root=$2 mirror suite
    local sources=()
    mirror=$(host_mirror)
    for suite in $(release_suites "$release"); do
        sources+=("deb $mirror $suite main")
    done
    # apt-config prints the host's own ways to the network, such as a proxy, in the form that apt reads.
    apt-config dump | grep -E '^Acquire::https?::' >"$root.apt" || true
    # The testing suite's release file may be past its date.
    echo 'Acquire::Check-Valid-Until "false";' >>"$root.apt"
    [[ $suite != *-backports ]] || echo "APT::Default-Release \"$suite\";" >>"$root.apt"
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
        mmdebstrap --mode=root --format=directory --variant=minbase --aptopt="$root.apt" \
        --include="$(release_packages "$release")" --customize-hook="$LAB_D/furnish" \
        "${suite%-backports}" "$root" "${sources[@]}"
}

# Roots of older recipes that no machine uses.
root_prune() {
    local old
    for old in "$LAB_CACHE/$1".????????????; do
        [[ $old == "$ROOT" ]] || root_unused "$old" || continue
    done
}

root_discard() {
    ROOT=$(root_path "$1")
    [[ ! -d $ROOT ]] || root_unused "$ROOT" || host_die "machines of $1 are up: ci/lab down them first"
}

# Removes a root, or fails because something uses it.
root_unused() {
    local lock
    exec {lock}<"$1"
    if flock --exclusive --nonblock "$lock"; then
        mv -T "$1" "$1.new" && rm -rf "$1.new"
        exec {lock}<&-
        return
    fi
    exec {lock}<&-
    return 1
}

root_remove() {
    # The last of the killed build's processes may still be writing.
    rm -rf "$1" 2>/dev/null || { sleep 0.5 && rm -rf "$1"; }
}

# "systemd 257.13-1 tmux 3.5a-3 ...", or nothing when the root is not built.
root_versions() {
    local root
    root=$(root_path "$1")
    [[ ! -r $root/versions ]] || cat "$root/versions"
}

root_describe() {
    printf '%s: %s\n' "$1" "$(root_versions "$1" | paste -sd ' ')"
}
