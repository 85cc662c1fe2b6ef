# shellcheck shell=bash
# The pristine root of each release. A root's directory carries the hash of its recipe, and appears only when complete;
# each user of a root holds a shared lock on its directory.

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
    if ((${#releases[@]} == 0)); then
        release_fixed
        releases=("${RELEASES[@]}")
    fi
    host_need

    if ((${#releases[@]} == 1)); then
        [[ ! $again ]] || root_discard "${releases[0]}"
        root_hold "${releases[0]}"
        root_describe "${releases[0]}"
        return
    fi
    cleanup_push cleanup_end_jobs ''
    side_by_side "$LAB" build ${again:+"$again"} -- "${releases[@]}"
    cleanup_pop
}

root_path() {
    local release=$1 hash
    hash=$({
        release_suites "$release"
        release_packages "$release"
        declare -f root_bootstrap root_apt_options
        cat "$LAB_D/customize-root"
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
    host_require_space "$LAB_CACHE" 1500
    host_say "building $release, once; this takes about half a minute"
    mkdir "$new"
    cleanup_push root_remove "$new"
    root_bootstrap "$release" "$new/root" >"$new/log" 2>&1 &
    cleanup_await "$!" cleanup_kill_job || root_explain "$release" "$new/log"
    for package in systemd tmux git util-linux; do
        dpkg-query --admindir="$new/root/var/lib/dpkg" --show --showformat '${Package} ${Version}\n' "$package"
    done >"$new/versions"
    root_say_expired "$new/log"
    rm "$new/log" "$new/root.apt"
    mv -T "$new" "$ROOT"
    cleanup_pop
    root_prune "$release"
}

# Ends this invocation with one sentence that says why packages could not be fetched or unpacked, by the log of that.
root_explain() {
    local release=$1 log=$LAB_CACHE/$1.log
    if grep -qi 'no space left on device' "$2"; then
        host_die "the disk of $LAB_CACHE is full: free some space, or name another directory in DOCTOR_LAB_CACHE"
    fi
    if grep -qiE 'temporary failure resolving|could not resolve|(could not|cannot|unable to|failed to) (connect|fetch)|connection (refused|timed out)|network is unreachable' "$2"; then
        host_die "packages of $release could not be downloaded: connect to the network, or name a mirror in DOCTOR_LAB_MIRROR"
    fi
    cp "$2" "$log" 2>/dev/null || log=/dev/null
    host_die "$release could not be built ($(grep -iE '^(E|error):' "$2" | tail -n 1)): $log has the whole log"
}

# In namespaces of its own: killing this one process ends all of it, and its mounts go too.
root_bootstrap() {
    local release=$1 root=$2 mirror suite
    local sources=()
    mirror=$(host_mirror)
    for suite in $(release_suites "$release"); do
        sources+=("deb $mirror $suite main")
    done
    root_apt_options >"$root.apt"
    [[ $suite != *-backports ]] || echo "APT::Default-Release \"$suite\";" >>"$root.apt"
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
        mmdebstrap --mode=root --format=directory --variant=minbase --aptopt="$root.apt" \
        --include="$(release_packages "$release")" --customize-hook="$LAB_D/note-expiry" --customize-hook="$LAB_D/customize-root" \
        "${suite%-backports}" "$root" "${sources[@]}"
}

# Says which suites of a build had an expired Release file; by the log of that build.
root_say_expired() {
    local line
    while read -r line; do
        host_say "${line#EXPIRED: }; the lab uses it all the same"
    done < <(grep '^EXPIRED: ' "$1" | sort -u)
}

# What apt needs to know wherever the lab fetches packages: for roots, and for the kernels of virtual machines.
root_apt_options() {
    # apt-config prints the host's own ways to the network, such as a proxy, in the form that apt reads.
    apt-config dump | grep -E '^Acquire::https?::' || true
    # The Release file of the testing suite may have expired.
    echo 'Acquire::Check-Valid-Until "false";'
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
