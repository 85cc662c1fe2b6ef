use super::{scopes, status};
use crate::lab::Machine;
use crate::lab::Release::Debian13;

#[test]
fn what_cannot_be_read_is_named_and_no_agent_is_lost_for_it() {
    let machine = Machine::boot(Debian13);
    // No user manager runs.
    let none = machine.root(&["doctor", "scopes", "--slice", "agents"]);
    let stderr = String::from_utf8_lossy(&none.stderr);
    assert_eq!(status(&none), 3, "{stderr}");
    assert!(stderr.contains("does not run") && stderr.contains("scope-availability"), "{stderr}");

    machine.script(
        "root",
        "loginctl enable-linger agent
         systemd-run --quiet --slice=fleet --unit=rooted --service-type=exec sleep 1000",
    );
    // Processes of root are hidden: proc(5), hidepid.
    machine.script("root", "mount -o remount,hidepid=2 /proc");
    let (exit, hidden) = scopes(&machine, &["--manager", "system", "--slice", "fleet"]);
    assert_eq!(exit, 3, "{hidden:#}");
    let sentence = hidden["incomplete"][0].as_str().unwrap();
    assert!(sentence.starts_with("1 process of these units cannot be read"), "{sentence}");
    assert_eq!(hidden["scopes"][0]["unit"], "rooted.service");
    machine.script("root", "mount -o remount,hidepid=0 /proc");
    let (exit, shown) = scopes(&machine, &["--manager", "system", "--slice", "fleet"]);
    assert_eq!(exit, 0, "{shown:#}");
    assert_eq!(shown["scopes"][0]["owner"]["kind"], "manager");

    // A tmux server that is stopped does not answer.
    machine.script(
        "agent",
        "systemd-run --user --quiet --collect --slice=agents --unit=plain --service-type=exec sleep 1000
         tmux -L stopped new-session -d -s a 'sleep 1000'
         kill -STOP $(tmux -L stopped display-message -p '#{pid}')",
    );
    let (exit, stopped) = scopes(&machine, &["--slice", "agents"]);
    assert_eq!(exit, 3, "{stopped:#}");
    let sentence = stopped["incomplete"][0].as_str().unwrap();
    assert!(sentence.contains("/stopped did not list its panes: it does not answer"), "{sentence}");
    assert_eq!(stopped["scopes"][0]["unit"], "plain.service");
}
