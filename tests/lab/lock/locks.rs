//! `doctor locks` in ten scenes with twenty waiters, in one machine a release.

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::lab::Machine;
use crate::lab::Release;

on_each_release!(ten_lock_scenes_with_twenty_waiters_are_told_apart);

/// Makes the scenes as root, writes `ready` when all of them are there, and goes on: systemd ends everything that a
/// command in a machine has started when that command ends.
const SCENES: &str = r#"
exec 3>&1 > /tmp/scenes.log 2>&1 < /dev/null
mkdir -p /srv/scene /srv/lower /srv/upper /srv/work /srv/merged; cd /srv/scene
start() { setsid sh -c "$1" & }
wait_for() { n=0; until sh -c "$1"; do n=$((n+1)); [ $n -lt 400 ] || { echo "no: $1" >&3; exit 1; }; sleep 0.05; done; }
held() { wait_for "! flock -n $1 true"; }
waiters() { for i in $(seq "$2"); do start "exec flock $3 $1 true"; done; }

# 1: the taker is dead, a background job has it
start 'exec 9> dead; flock 9; sleep 1001 & exit'; wait $!; held dead; wait_for 'pgrep -fx "sleep 1001"'
waiters dead 4
# 2: a living script and its child
start 'exec 9> living; flock 9; sleep 1002; true'; held living; waiters living 3
# 3: a tmux server that was started under the lock
start 'exec 9> tmux; flock 9; tmux -L scene -f /dev/null new-session -d "sleep 1003"; exit'
wait $!; held tmux; wait_for 'tmux -L scene has-session'; waiters tmux 2
# 4: deleted while it is held
start 'exec 9> deleted; flock 9; sleep 1004; true'; held deleted; waiters deleted 2; wait_for 'test "$(pgrep -cf "^flock  *deleted")" -ge 2'; rm deleted
# 5: replaced while it is held, and the new file is held as well
start 'exec 9> replaced; flock 9; sleep 1005; true'; held replaced; : > new; mv new replaced
start 'exec flock replaced sleep 1006'; held replaced; waiters replaced 2
# 6: two readers, and a writer waits
start 'exec flock -s readers sleep 1007'; start 'exec flock -s readers sleep 1008'
held readers; wait_for 'test "$(pgrep -cf "^flock -s readers")" -eq 2'; waiters readers 2
# 7: on an overlay
mount -t overlay overlay -o lowerdir=/srv/lower,upperdir=/srv/upper,workdir=/srv/work /srv/merged 2>/dev/null || mount -t tmpfs overlay /srv/merged
start 'exec flock /srv/merged/lock sleep 1009'; held /srv/merged/lock; waiters /srv/merged/lock 2
# 8: in a process-id namespace of its own, and the taker is dead there
start 'exec unshare --pid --fork --mount-proc sh -c "sh -c \"exec 9> namespace; flock 9; sleep 1010 & exit\"; sleep 1011; true"'
held namespace; wait_for 'pgrep -f "^sleep 1010"'; waiters namespace 3
# 9 and 10: locks of git, one stale behind an idle reader, one live
export GIT_CONFIG_GLOBAL=/dev/null HOME=/root
for repo in stale live; do git init -q $repo; git -C $repo -c user.name=a -c user.email=a@b commit -q --allow-empty -m one; done
mkfifo batch; start 'exec git -C stale cat-file --batch < batch'; exec 4> batch; start 'exec sleep 1012 > batch'
wait_for 'pgrep -f "^git -C stale cat-file"'; : > stale/.git/index.lock; touch -d '-10 min' stale/.git/index.lock
echo a > live/a; git -C live add a
start 'cd live; export GIT_EDITOR="sleep 1013; true"; exec git -c user.name=a -c user.email=a@b commit a'
wait_for 'test -e live/.git/index.lock && pgrep -f "^sleep 1013"'
# 11: a lock file that the agent cannot open
: > root-only; chmod 600 root-only
wait_for 'test "$(pgrep -x flock | wc -l)" -ge 20'
chmod 755 /srv/scene
echo ready >&3; exec 3>&-
exec sleep 1099
"#;

struct Locks(Value, i32);

impl Locks {
    fn read(machine: &Machine, user: &str, args: &str) -> Self {
        let script = format!(
            "cd /srv/scene; s=0; doctor locks {args} --format json || s=$?; echo \"status $s\""
        );
        let output = machine.script(user, &script);
        let (json, status) = output.rsplit_once("status ").expect("a status");
        let report = serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {output}"));
        Self(report, status.trim().parse().expect("a number"))
    }

    fn row(&self, index: usize) -> &Value {
        &self.0["locks"][index]
    }

    #[track_caller]
    fn assert(&self, index: usize, problems: &[&str], holders: &[&str], waiters: usize) {
        let row = self.row(index);
        let mut comms: Vec<&str> = row["holders"]
            .as_array()
            .unwrap_or_else(|| panic!("{:#}", self.0))
            .iter()
            .map(|holder| holder["comm"].as_str().unwrap())
            .collect();
        comms.sort_unstable();
        assert_eq!(row["problems"], serde_json::json!(problems), "{:#}", self.0);
        assert_eq!(comms, holders, "{:#}", self.0);
        assert_eq!(row["waiters"].as_array().unwrap().len(), waiters, "{:#}", self.0);
    }
}

fn ten_lock_scenes_with_twenty_waiters_are_told_apart(release: Release) {
    let machine = Machine::boot(release);
    let mut scenes = machine.spawn_as("root", &["sh", "-ec", SCENES]);
    let mut first = String::new();
    let output = scenes.stdout.take().expect("a pipe");
    BufReader::new(output).read_line(&mut first).expect("text");
    assert_eq!(first, "ready\n");
    let root = |args: &str| Locks::read(&machine, "root", args);

    let dead = root("dead");
    dead.assert(0, &["dead-taker"], &["sleep"], 4);
    assert_eq!((dead.1, &dead.row(0)["holders"][0]["inherited"]), (1, &true.into()));

    let living = root("living");
    living.assert(0, &[], &["sh", "sleep"], 3);
    assert_eq!(living.1, 0);

    root("tmux").assert(0, &["dead-taker"], &["tmux: server"], 2);
    root("deleted").assert(0, &["deleted"], &["sh", "sleep"], 2);

    let replaced = root("replaced");
    replaced.assert(0, &["deleted"], &["sh", "sleep"], 0);
    replaced.assert(1, &[], &["flock", "sleep"], 2);

    let readers = root("readers");
    readers.assert(0, &[], &["flock", "flock", "sleep", "sleep"], 2);
    assert_eq!(readers.row(0)["mode"], "shared");

    root("/srv/merged/lock").assert(0, &[], &["flock", "sleep"], 2);
    root("namespace").assert(0, &["dead-taker"], &["sleep"], 3);

    let stale = root("--repo stale");
    stale.assert(0, &["stale"], &[], 0);
    assert_eq!(stale.1, 1);
    let live = root("--repo live");
    live.assert(0, &[], &["git"], 0);
    assert_eq!(live.1, 0);

    // All paths at once, and a wait that is longer than the patience.
    let impatient = root("dead living readers --patience 1ms");
    assert_eq!(impatient.row(1)["problems"], serde_json::json!(["long-wait"]), "{:#}", impatient.0);

    // Another user's locks cannot be excluded, and are counted.
    let agent = Locks::read(&machine, "agent", "root-only");
    assert_eq!(agent.1, 3, "{:#}", agent.0);
    assert!(agent.0["unreadable"]["processes"].as_u64().unwrap() > 0, "{:#}", agent.0);

    // The printed commands free the locks, and end nothing.
    for name in ["dead", "tmux"] {
        let fix = root(name).row(0)["fix"][0].as_str().unwrap().to_owned();
        machine.script("root", &fix);
        let after = root(name);
        assert_eq!(
            (after.1, &after.row(0)["problems"]),
            (0, &serde_json::json!([])),
            "{:#}",
            after.0
        );
    }
    machine.script("root", "pgrep -f '^sleep 1001'; tmux -L scene has-session");
    let fix = root("--repo stale").row(0)["fix"][0].as_str().unwrap().to_owned();
    machine.script("root", &fix);
    assert_eq!(root("--repo stale").1, 0);
    drop(machine);
    scenes.wait().expect("the scenes end with their machine");
}
