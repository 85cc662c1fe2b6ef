use nix::libc;

/// The system call in which a lock is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockKind {
    /// flock(2): the lock belongs to the open file description, which children inherit.
    Flock,
    /// fcntl(2), `F_SETLK`: the lock belongs to the process.
    Posix,
    /// fcntl(2), `F_OFD_SETLK`: the lock belongs to the open file description.
    Ofd,
}

/// Whether others can hold the lock at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    Shared,
    Exclusive,
}

/// A lock on an open file, as a `lock:` line of /proc/PID/fdinfo shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockLine {
    pub kind: LockKind,
    pub mode: LockMode,
    /// The process that took it; it may have exited. `None` in a process-id namespace in which it does not exist (any
    /// more), and for [`LockKind::Ofd`], whose taker the kernel does not keep.
    pub taker: Option<u32>,
}

impl LockLine {
    /// Parses a line such as `lock: 1: FLOCK  ADVISORY  WRITE 857 00:3e:12345 0 EOF` (Linux fs/locks.c,
    /// `lock_get_status`). Leases and waiting locks yield nothing.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("lock:")?.split_ascii_whitespace().skip(1);
        let kind = match words.next()? {
            "FLOCK" => LockKind::Flock,
            "POSIX" => LockKind::Posix,
            "OFDLCK" => LockKind::Ofd,
            _ => return None,
        };
        let mode = match words.nth(1)? {
            "READ" => LockMode::Shared,
            "WRITE" => LockMode::Exclusive,
            _ => return None,
        };
        let taker = words.next()?.parse().ok().filter(|pid| *pid > 0);
        Some(Self { kind, mode, taker })
    }
}

/// A system call that waits for a lock, as /proc/PID/syscall shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockCall {
    pub kind: LockKind,
    /// The descriptor.
    pub fd: u32,
    /// The wanted mode. That of fcntl(2) is in the memory of the process.
    pub mode: Option<LockMode>,
}

impl LockCall {
    /// Parses a line such as `73 0x9 0x2 0x0 …`: the number of the call and its arguments (`proc_pid_syscall(5)`). A call
    /// that does not wait yields nothing.
    pub fn parse(call: &str) -> Option<Self> {
        let mut words = call.split_ascii_whitespace();
        let number: i64 = words.next()?.parse().ok()?;
        let mut argument = || u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok();
        let (fd, operation) = (argument()?, argument()?);
        let fd = u32::try_from(fd).ok()?;
        let operation = i32::try_from(operation).ok()?;
        if number == libc::SYS_flock {
            if operation & libc::LOCK_NB != 0 {
                return None;
            }
            let mode = match operation {
                libc::LOCK_SH => LockMode::Shared,
                libc::LOCK_EX => LockMode::Exclusive,
                _ => return None,
            };
            return Some(Self { kind: LockKind::Flock, fd, mode: Some(mode) });
        }
        if number != libc::SYS_fcntl {
            return None;
        }
        let kind = match operation {
            libc::F_SETLKW => LockKind::Posix,
            libc::F_OFD_SETLKW => LockKind::Ofd,
            _ => return None,
        };
        Some(Self { kind, fd, mode: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_line_names_kind_mode_and_taker() {
        let line = |text| LockLine::parse(text);
        let flock = |mode, taker| Some(LockLine { kind: LockKind::Flock, mode, taker });
        assert_eq!(
            line("lock:\t1: FLOCK  ADVISORY  WRITE 857 00:3e:12345 0 EOF"),
            flock(LockMode::Exclusive, Some(857))
        );
        assert_eq!(
            line("lock:\t1: FLOCK  ADVISORY  READ  0 00:3e:12345 0 EOF"),
            flock(LockMode::Shared, None)
        );
        let ofd = LockLine { kind: LockKind::Ofd, mode: LockMode::Exclusive, taker: None };
        assert_eq!(line("lock:\t1: OFDLCK ADVISORY  WRITE -1 fe:00:7 0 EOF"), Some(ofd));
        for other in [
            "lock:\t1: LEASE  ACTIVE    READ  857 00:3e:12345 0 EOF",
            "lock:\t1: -> FLOCK  ADVISORY  WRITE 857 00:3e:1 0 EOF",
            "pos:\t0",
            "lock:",
            "",
        ] {
            assert_eq!(line(other), None, "{other}");
        }
    }

    #[test]
    fn only_a_call_that_waits_is_a_waiter() {
        let flock = libc::SYS_flock;
        let fcntl = libc::SYS_fcntl;
        let call = |text: String| LockCall::parse(&text);
        let expected = LockCall { kind: LockKind::Flock, fd: 9, mode: Some(LockMode::Exclusive) };
        assert_eq!(call(format!("{flock} 0x9 0x2 0x0 0x0 0x7ffe 0x7f1b\n")), Some(expected));
        let shared = LockCall { mode: Some(LockMode::Shared), ..expected };
        assert_eq!(call(format!("{flock} 0x9 0x1 0x0")), Some(shared));
        let posix = LockCall { kind: LockKind::Posix, fd: 3, mode: None };
        assert_eq!(call(format!("{fcntl} 0x3 0x7 0x7ffe")), Some(posix));
        for other in [
            format!("{flock} 0x9 0x6 0x0"),
            format!("{flock} 0x9 0x8 0x0"),
            format!("{flock} 0xffffffffffffffff 0x2"),
            format!("{fcntl} 0x3 0x6 0x7ffe"),
            "running\n".into(),
            "-1 0x7ffe 0x7f1b\n".into(),
            "0 0x9 0x2".into(),
            String::new(),
        ] {
            assert_eq!(call(other.clone()), None, "{other}");
        }
    }
}
