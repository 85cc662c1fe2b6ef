# shellcheck shell=bash
# What a virtual machine boots from: the kernel of its release, an initramfs that knows its disk, and the disk, made of the
# same root as the containers. Kept with that root, and made when one is asked for.

# The disk, the channels, and what the manager asks for. One that is missing is built into that kernel.
VM_MODULES=(virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk virtio_console autofs4)
VM_DISK_SIZE=4G

# Makes the image of a release unless it is there. Its root is held. Sets VM_IMAGE.
vm_image_hold() {
    local release=$1 build_lock hash
    hash=$({
        declare -p VM_MODULES VM_DISK_SIZE
        declare -f vm_image_make vm_image_extract vm_image_initrd root_apt_options
        cat "$LAB_D/vm-init" "$LAB_D/vm-agent"
    } | sha256sum)
    VM_IMAGE=$ROOT/vm.${hash:0:12}
    [[ ! -d $VM_IMAGE ]] || return 0
    exec {build_lock}>"$LAB_CACHE/$release.lock"
    flock "$build_lock" &
    cleanup_await "$!"
    [[ -d $VM_IMAGE ]] || vm_image_make "$release"
    exec {build_lock}>&-
}

# Under the release's build lock, so that everything unfinished here is a dead build's. What was made to another recipe
# may be in use, and goes with the root.
vm_image_make() {
    local release=$1 new=$VM_IMAGE.new kernel
    rm -rf "$ROOT"/vm.*.new
    host_require_space "$ROOT" 1500
    host_say "making a virtual machine of $release, once; this takes about half a minute"
    mkdir "$new"
    cleanup_push root_remove "$new"
    vm_image_extract "$release" "$new/packages" >"$new/log" 2>&1 &
    cleanup_await "$!" cleanup_kill_job || root_explain "$release" "$new/log"
    root_say_expired "$new/log"
    for kernel in "$new"/packages/boot/vmlinuz-* "$new"/packages/usr/lib/modules/*/vmlinuz; do
        [[ ! -e $kernel ]] || cp -L "$kernel" "$new/kernel"
    done
    [[ -e $new/kernel ]] || host_die "the kernel package of $release has no kernel where it is expected"
    vm_image_initrd "$new/packages" "$new/tree" "$new/initrd"
    rm -rf "$new/packages" "$new/packages.apt" "$new/tree" "$new/log"
    # What is on it is not worth a journal: a machine that crashed is thrown away.
    truncate -s "$VM_DISK_SIZE" "$new/disk"
    mkfs.ext4 -q -F -O '^has_journal' -E nodiscard -d "$ROOT/root" "$new/disk" &
    cleanup_await "$!"
    mv -T "$new" "$VM_IMAGE"
    cleanup_pop
}

# Only unpacks: nothing of these packages runs, and nothing is installed on this host. mmdebstrap runs no customize hook
# for this variant.
vm_image_extract() {
    local suite options=$2.apt
    read -r suite _ < <(release_suites "$1")
    root_apt_options >"$options"
    exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc \
        mmdebstrap --mode=root --format=directory --variant=extract --aptopt="$options" \
        --extract-hook="$LAB_D/note-expiry" \
        --include=linux-image-cloud-amd64,busybox-static "$suite" "$2" "$ROOT/root/etc/apt/sources.list"
}

vm_image_initrd() {
    local packages=$1 tree=$2 initrd=$3 busybox module file
    mkdir -p "$tree"/{bin,modules,lab,dev,new}
    busybox=$packages/usr/bin/busybox
    [[ -e $busybox ]] || busybox=$packages/bin/busybox
    cp "$busybox" "$tree/bin/busybox"
    install -m 755 "$LAB_D/vm-init" "$tree/init"
    install -m 644 "$LAB_D/vm-agent" "$tree/lab/agent"
    for module in "${VM_MODULES[@]}"; do
        file=$(find "$packages" -name "$module.ko" -o -name "$module.ko.xz")
        case $file in
        *.ko) cp "$file" "$tree/modules/" ;;
        *.xz) xz --decompress --stdout "$file" >"$tree/modules/$module.ko" ;;
        esac
    done
    (cd "$tree" && find . | "$tree/bin/busybox" cpio -o -H newc) >"$initrd" 2>/dev/null
}
