use nix::errno::Errno;
use nix::sys::inotify::{InitFlags, Inotify};

/// Reports whether this user has used up the inotify instances of `fs.inotify.max_user_instances` (inotify(7)): another
/// one is refused with `EMFILE`. A process without a free descriptor gets the same answer.
pub fn are_inotify_instances_used_up() -> bool {
    matches!(Inotify::init(InitFlags::IN_CLOEXEC), Err(Errno::EMFILE))
}

/// Returns `fs.inotify.max_user_instances`.
pub fn inotify_instance_limit() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").ok()?.trim().parse().ok()
}
