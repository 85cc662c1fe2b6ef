# shellcheck shell=bash
# Every manager in every machine watches files as root, and root has 128 inotify instances by default: enough for some
# twenty machines, of which the last ones fail in odd ways. So there are more of them while machines are up.

INOTIFY_LIMIT=/proc/sys/fs/inotify/max_user_instances
INOTIFY_WANTED=2048

inotify_raise() {
    local before
    before=$(<"$INOTIFY_LIMIT")
    ((before < INOTIFY_WANTED)) || return 0
    [[ -e $LAB_RUN/.inotify ]] || printf '%s\n' "$before" >"$LAB_RUN/.inotify"
    { printf '%s\n' "$INOTIFY_WANTED" >"$INOTIFY_LIMIT"; } 2>/dev/null || true
}

# Called when a machine has ended.
inotify_restore() {
    local before
    [[ -e $LAB_RUN/.inotify && ! $(find "$LAB_RUN" -mindepth 1 -type d -print -quit) ]] || return 0
    # Of two machines that end at the same time, one finds it gone.
    { before=$(<"$LAB_RUN/.inotify"); } 2>/dev/null || return 0
    rm -f "$LAB_RUN/.inotify"
    { printf '%s\n' "$before" >"$INOTIFY_LIMIT"; } 2>/dev/null || true
}
