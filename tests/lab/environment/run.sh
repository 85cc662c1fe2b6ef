# Runs the doctor in environments that are missing or wrong, as root. For each it prints a line: the name of the
# environment and the exit status. What the doctor wrote is in /srv/output, in NAME.out and NAME.err.
# shellcheck disable=SC2016 # what is in single quotes is for another shell
mkdir -p /srv/output
cd /
doctor=(/usr/local/bin/doctor check scope-availability tmux-socket linger flock-order git-env-leak --format json)
agent=(setpriv --reuid=1000 --regid=1000 --clear-groups env HOME=/home/agent USER=agent XDG_RUNTIME_DIR=/run/user/1000
    DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus)

try() {
    local name=$1 status
    shift
    "$@" >"/srv/output/$name.out" 2>"/srv/output/$name.err" </dev/null
    status=$?
    printf '%s %s\n' "$name" "$status"
}
as_agent() { try "$1" "${agent[@]}" "${@:2}" "${doctor[@]}"; }
# Redirections that the shell makes before it starts the doctor.
redirected() { try "$1" "${agent[@]}" sh -c "exec \"\$@\" $2" sh "${doctor[@]}"; }
mounted() { try "$1" unshare --mount bash -c "$2 && exec \"\$@\"" bash "${agent[@]}" "${doctor[@]}"; }

as_agent as-it-is
for variable in HOME PATH TMPDIR TERM LANG USER XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS; do
    as_agent "no-$variable" env -u "$variable"
    as_agent "empty-$variable" env "$variable="
    as_agent "wrong-$variable" env "$variable=/nonexistent/x"
    as_agent "binary-$variable" env "$variable="$'\xff\xfe'
done
try no-environment setpriv --reuid=1000 --regid=1000 --clear-groups env -i "${doctor[@]}"
as_agent long-TMPDIR env TMPDIR="/tmp/$(printf 'a%.0s' {1..4000})"
as_agent relative-TMPDIR env TMPDIR=tmp
mounted read-only-TMPDIR 'mount -t tmpfs -o ro none /tmp'
mounted read-only-everywhere 'for d in /tmp /var/tmp /dev/shm /run/user/1000; do mount -t tmpfs -o ro none $d; done'
mounted full-TMPDIR 'mount -t tmpfs -o size=4k,mode=1777 none /tmp && head -c 4096 /dev/zero >/tmp/x'
mounted no-cgroups 'umount -l /sys/fs/cgroup'
mounted hidden-processes 'mount -o remount,hidepid=2 /proc'
try no-proc unshare --mount bash -c 'mount -t tmpfs none /proc && exec "$@"' bash "${doctor[@]}"
as_agent few-descriptors prlimit --nofile=16
as_agent very-few-descriptors prlimit --nofile=8
as_agent few-processes prlimit --nproc=6
as_agent one-process prlimit --nproc=1
as_agent little-memory prlimit --as=30000000
as_agent no-login-shell env SHELL=/usr/sbin/nologin
as_agent user-namespace unshare --user --map-root-user
try pid-namespace unshare --pid --fork --mount-proc "${agent[@]}" "${doctor[@]}"
try root "${doctor[@]}"
try root-by-sudo env SUDO_USER=agent SUDO_UID=1000 XDG_RUNTIME_DIR=/run/user/1000 "${doctor[@]}"
try nobody setpriv --reuid=65534 --regid=65534 --clear-groups "${doctor[@]}"
try no-account setpriv --reuid=54321 --regid=54321 --clear-groups "${doctor[@]}"
redirected closed-stdin '<&-'
redirected closed-stdout '>&-'
redirected closed-stderr '2>&-'
redirected closed-stdin-stdout '<&- >&-'
redirected closed-stdin-stderr '<&- 2>&-'
redirected closed-stdout-stderr '>&- 2>&-'
redirected closed-all '<&- >&- 2>&-'
redirected full-stdout '>/dev/full'
redirected full-output '--output /dev/full'
try directory-gone bash -c 'd=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$@"' bash "${agent[@]}" "${doctor[@]}"
