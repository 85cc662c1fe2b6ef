# shellcheck shell=bash
# Running commands in a machine.

lab_run() {
    local target=${1:-} user=agent login=yes stdio=--pipe
    [[ $target && $target != -* ]] || host_usage "run: which release or machine?"
    shift
    while (($#)); do
        case $1 in
        --user)
            user=${2:-}
            [[ $user ]] || host_usage "run: --user needs a name"
            shift
            ;;
        --root) user=root login='' ;;
        --tty) stdio=--pty ;;
        --) break ;;
        *) host_usage "run: no option '$1'; the command comes after --" ;;
        esac
        shift
    done
    (($# > 1)) || host_usage "run: which command? it comes after --"
    shift
    if [[ $stdio == --pty ]] && { [[ $VM ]] || vm_is "$target"; }; then
        host_usage "no terminal reaches a virtual machine"
    fi
    session_target "$target"
    session_command "$MACHINE" "$user" "$login" "$stdio" "$@"
}

lab_shell() {
    local target=${1:-}
    (($# == 0)) || shift
    lab_run "$target" "$@" --tty -- /bin/bash --login
}

# Sets MACHINE: the one that is up under this name, or one booted for this invocation alone.
session_target() {
    MACHINE=$(vm_name "$1")
    ! machine_alive "$MACHINE" || return 0
    release_known "$1" ||
        host_usage "no release or machine '$1'; releases: ${LAB_RELEASES[*]}; up are: $(machine_names | paste -sd ' ')"
    MACHINE=run-$$
    machine_boot "$1" "$MACHINE"
    cleanup_push machine_end "$MACHINE"
}

# session_command MACHINE USER LOGIN STDIO CMD ARG...
session_command() {
    local machine=$1 user=$2 login=$3 stdio=$4 status=0
    shift 4
    machine_entry "$machine"
    session_require_user "$machine" "$user"
    local unit=lab-$$.service properties=(--property=User="$user" --property=WorkingDirectory='~') detach=(setsid)
    # What login(1) does: a session of logind's, XDG_RUNTIME_DIR, a user manager and its bus.
    [[ ! $login ]] || properties+=(--property=PAMName=login)
    # The manager replaces $NAME and ${NAME} in a service's command line, and reads $$ as a dollar sign.
    # The shell is there for the status: 127 when there is no such command, instead of systemd-run's own 1.
    # shellcheck disable=SC2016
    local command=(/bin/sh -c 'exec "$0" "$@"' "$@")
    # Ctrl-C is for this script, which then stops the unit. On a terminal of its own, systemd-run has to hear of resizing.
    [[ $stdio != --pty ]] || detach=()
    "${detach[@]}" "${ENTRY[@]}" systemd-run --quiet --collect --wait "$stdio" --unit="$unit" \
        --description="ci/lab: ${1//[^[:print:]]/?}" "${properties[@]}" -- "${command[@]//\$/\$\$}" <&0 &
    cleanup_push cleanup_wait_job "$!"
    cleanup_push session_stop "$unit"
    wait "$!" || status=$?
    cleanup_pop
    cleanup_pop
    exit "$status"
}

# Ends what systemd-run started; it then ends by itself.
session_stop() {
    "${ENTRY[@]}" timeout 3 systemctl stop "$1" 2>/dev/null || "${ENTRY[@]}" systemctl kill --signal=KILL "$1" 2>/dev/null
}

session_require_user() {
    local passwd users
    # Every root has these, and most commands are theirs.
    [[ ! $2 =~ ^(root|agent|other)$ ]] || return 0
    passwd=$("${ENTRY[@]}" cat /etc/passwd </dev/null)
    users=$(awk -F: '$3 == 0 || ($3 >= 1000 && $3 < 65534) { print $1 }' <<<"$passwd")
    cut -d : -f 1 <<<"$passwd" | grep --quiet --fixed-strings --line-regexp -e "$2" ||
        host_usage "no user '$2' in '$1'; there are: ${users//$'
'/ }"
}
