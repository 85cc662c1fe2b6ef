//! What the lab's virtual machines are for: what no container can show.

use crate::lab::Machine;
use crate::lab::Release::*;

#[test]
fn a_virtual_machine_takes_every_word_reboots_with_its_disk_and_ends_who_does_not_linger() {
    let machine = Machine::boot_vm(Debian12);
    let text = |script: &str| machine.script("root", script).trim().to_owned();

    let words = ["a b", "", "x\ny", "$HOME", "${X}", "$$", "it's", "\u{1}", "%n", "-x", "ü"];
    let output = machine.root(&[&["printf", "%s|"][..], &words].concat());
    let expected: String = words.join("|") + "|";
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
    let output = machine.agent(&["sh", "-c", "echo out; echo err >&2; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!((&output.stdout[..], &output.stderr[..]), (&b"out\n"[..], &b"err\n"[..]));
    assert!(text("cat /sys/fs/cgroup/cgroup.controllers").contains("cpu"));

    // A lingering user is there again after a reboot, before anybody has logged in.
    machine.script("root", "loginctl enable-linger agent; echo kept >/var/lib/kept");
    let boot = "cat /proc/sys/kernel/random/boot_id";
    let before = text(boot);
    machine.reboot();
    assert_ne!(text(boot), before);
    assert_eq!(text("cat /var/lib/kept; systemctl is-active user@1000.service"), "kept\nactive");

    // Without linger the user's manager ends with its last session, after UserStopDelaySec=10s.
    machine.script("root", "loginctl disable-linger agent");
    // In seconds since the boot, by the machine's own clock.
    let seconds = |text: &str| text.trim().parse::<f64>().expect("a number of seconds");
    let launch =
        "systemd-run --user --quiet --unit=worker sleep infinity; cut -d' ' -f1 /proc/uptime";
    let logout = seconds(&machine.script("agent", launch));
    let end = "for second in $(seq 60); do
             systemctl is-active --quiet user@1000.service || break
             sleep 1
         done
         cut -d' ' -f1 /proc/uptime";
    let after = seconds(&text(end)) - logout;
    assert!((9.0..25.0).contains(&after), "it ends {after} s after the logout");
    assert_eq!(text("pgrep -u agent || echo none"), "none");
}
