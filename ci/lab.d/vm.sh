# shellcheck shell=bash
# Machines that are virtual: with a kernel of their release's own, every cgroup controller, and real reboots. One differs
# from a container in what its supervisor starts and in the way commands get in; the rest of the lab knows no difference.

# The ways in. Each carries one command at a time.
VM_CHANNELS=8
# Emulated, and beside others.
VM_BOOT_SECONDS=300
VM_KVM_SECONDS=10

# Set by `--vm`: machines booted by this invocation are virtual.
VM=

vm_is() {
    [[ -e $LAB_RUN/$1/vm ]]
}

# vm_name RELEASE|NAME: a virtual machine is not called like its release, so that a container of it can be up beside it.
vm_name() {
    if [[ $VM ]] && release_known "$1"; then
        printf '%s-vm\n' "$1"
    else
        printf '%s\n' "$1"
    fi
}

vm_need() {
    [[ $(uname -m) == x86_64 ]] || host_die "virtual machines are made for x86_64 only, and this is $(uname -m)"
    command -v qemu-system-x86_64 >/dev/null || host_install_missing qemu-system-x86
    command -v mkfs.ext4 >/dev/null || host_install_missing e2fsprogs
}

# Called by the supervisor, in its place for systemd-nspawn.
vm_supervise() {
    local name=$1 state=$LAB_RUN/$1 disk=$2 accelerator announcer
    cgroup_mount
    cp --reflink=auto --sparse=always "$(<"$state/vm")/disk" "$disk/disk"
    accelerator=$(vm_accelerator "$(<"$state/vm")")
    vm_announce "$name" &
    announcer=$!
    # To be waited for at the end is the machine, and not this.
    disown "$announcer"
    while [[ ! $DOOMED ]]; do
        vm_start "$name" "$disk" "$accelerator" &
        NSPAWN=$!
        [[ ! $DOOMED ]] || supervise_kill
        until wait "$NSPAWN" || [[ ! -d /proc/$NSPAWN ]]; do :; done
        # Without QEMU's own reset, the channels break at a reboot, and a process that waits at one gets an error.
        grep -qs '"guest-reset"' "$disk/events" || break
    done
    kill "$announcer" 2>/dev/null || true
}

vm_start() {
    local name=$1 state=$LAB_RUN/$1 disk=$2 image i
    local channels=()
    trap - TERM EXIT
    image=$(<"$state/vm")
    for ((i = 0; i < VM_CHANNELS; i++)); do
        channels+=(-chardev "socket,id=channel$i,path=$state/channel.$i,server=on,wait=off"
            -device "virtserialport,chardev=channel$i,name=lab.$i")
    done
    # The monitor reports how a machine ended, after the handshake and as long as the pipe stays open.
    rm -f "$disk/monitor"
    mkfifo "$disk/monitor"
    exec <>"$disk/monitor"
    echo '{"execute": "qmp_capabilities"}' >&0
    # First among builds and other machines: an emulated one has no time to lose against the doctor's deadlines. Where the
    # kernel groups processes by session, niceness counts inside the group only (sched(7), the autogroup feature).
    echo -10 2>/dev/null >/proc/self/autogroup || true
    # shellcheck disable=SC2086 # the accelerator is several words
    cgroup_exec "$name" nice -n -10 qemu-system-x86_64 $3 -smp 1 -m 1G -nodefaults -no-user-config -display none -no-reboot \
        -kernel "$image/kernel" -initrd "$image/initrd" \
        -append "console=ttyS0 quiet panic=-1 systemd.show_status=0 systemd.hostname=$name" \
        -drive "file=$disk/disk,if=none,id=disk,format=raw,cache=unsafe" -device virtio-blk-pci,drive=disk \
        -chardev "file,id=console,path=$state/console,append=on" -serial chardev:console \
        -chardev stdio,id=monitor -mon chardev=monitor,mode=control \
        -device "virtio-serial-pci,max_ports=$((VM_CHANNELS + 1))" "${channels[@]}" \
        >"$disk/events"
}

# Brings the doctor in once the manager has finished starting, and notifies `up`, as nspawn does for a container.
vm_announce() {
    local name=$1 state=$LAB_RUN/$1 binary
    trap - TERM EXIT
    vm_entry "$name"
    "${ENTRY[@]}" systemctl is-system-running --wait >/dev/null || true
    binary=$(<"$state/binary")
    if [[ $binary ]]; then
        # shellcheck disable=SC2016
        "${ENTRY[@]}" sh -c 'cat >"$0" && chmod 755 "$0"' /usr/local/bin/doctor <"$binary"
    fi
    NOTIFY_SOCKET=$state/notify systemd-notify --ready
}

# Sets ENTRY, the command line that runs another in the machine, outside of any session.
vm_entry() {
    ENTRY=(perl "$LAB_D/vm-channel" "$LAB_RUN/$1" "$VM_BOOT_SECONDS" env --ignore-environment TERM="${TERM:-dumb}"
        LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)
}

lab_reboot() {
    local name=${1:-} before
    (($# == 1)) || host_usage "reboot: which machine? up are: $(machine_names | paste -sd ' ')"
    machine_alive "$name" || host_usage "no machine '$name' is up; up are: $(machine_names | paste -sd ' ')"
    vm_is "$name" || host_usage "'$name' is a container, and its end is the end of it; boot one with --vm"
    vm_entry "$name"
    local boot=("${ENTRY[@]}" cat /proc/sys/kernel/random/boot_id)
    before=$("${boot[@]}")
    "${ENTRY[@]}" systemctl --no-block reboot
    # The old one may still answer for a while.
    while [[ $("${boot[@]}" 2>/dev/null) == "$before" || $? -ne 0 ]]; do
        machine_alive "$name" || host_die "'$name' did not come back"
    done
    "${ENTRY[@]}" systemctl is-system-running --wait >/dev/null || true
    machine_report_state "$name"
}

# KVM where it works. A device that is there may still refuse or hang, so it is tried, once a boot of this host.
vm_accelerator() {
    local image=$1 known=$LAB_CACHE/kvm boot works=no
    boot=$(</proc/sys/kernel/random/boot_id)
    if [[ ! -s $known || $(<"$known") != "$boot "* ]]; then
        if [[ -r /dev/kvm && -w /dev/kvm ]] && timeout --signal=KILL "$VM_KVM_SECONDS" \
            qemu-system-x86_64 -accel kvm -cpu host -m 256M -nodefaults -no-user-config -display none -no-reboot \
            -kernel "$image/kernel" -initrd "$image/initrd" -append 'quiet panic=-1 lab=trial' </dev/null &>/dev/null; then
            works=yes
        fi
        printf '%s %s\n' "$boot" "$works" >"$known.$BASHPID"
        mv "$known.$BASHPID" "$known"
    fi
    case $(<"$known") in
    *yes) echo '-accel kvm -cpu host' ;;
    # One thread for one processor: less overhead than the default. Behind a cmpxchg16b the flags of QEMU 7.2 are wrong at
    # times, of which kernels since 6.12 panic in their allocator; without it they do without.
    *) echo '-accel tcg,thread=single -cpu max,-cx16' ;;
    esac
}
