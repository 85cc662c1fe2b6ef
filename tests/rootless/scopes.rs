//! The report of `doctor scopes`, made from values: its formats, and its command line where no manager runs.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use jiff::Timestamp;
use launch_doctor::report::Host;
use launch_doctor::report::scopes::{
    HumanOptions, ScopesReport, human, json, ndjson, prometheus, schema,
};
use launch_doctor::scopes::{
    PaneReading, ProcessReading, Reading, Scopes, SliceReading, UnitReading, analyse,
};
use launch_probes::host::{
    CgroupLimits, CgroupUsage, Manager, Owner, OwnerEvidence, OwnerKind, is_orphan,
};
use serde_json::Value;

const MIB: u64 = 1 << 20;

fn time(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}

fn pane(session: &str) -> Owner {
    Owner {
        session: Some(session.into()),
        window: Some(0),
        pane: Some(0),
        pane_id: Some("%1".into()),
        tty: Some("/dev/pts/1".into()),
        server: Some("/tmp/tmux-1000/default".into()),
        ..Owner::without_pane(OwnerKind::Pane, OwnerEvidence::PanePid)
    }
}

fn process(pid: u32, parent: u32, comm: &str, threads: u64) -> ProcessReading {
    ProcessReading {
        pid,
        ppid: parent,
        comm: comm.into(),
        since: time(i64::from(pid)),
        cpu_usec: 60_000_000,
        resident_bytes: 100 * MIB,
        threads,
        args: None,
    }
}

fn unit(name: &str, memory: Option<u64>, tasks: u64, owner: Option<Owner>) -> UnitReading {
    UnitReading {
        name: name.into(),
        slice: "agents.slice".into(),
        path: format!("/agents.slice/{name}"),
        since: time(2200),
        usage: CgroupUsage {
            cpu_usec: Some(234_000_000),
            memory_bytes: memory,
            tasks: Some(tasks),
            ..CgroupUsage::default()
        },
        sample: None,
        is_orphan: is_orphan(name, owner.as_ref()),
        owner,
        processes: vec![process(10, 1, "bash", 1), process(11, 10, "claude", 2)],
    }
}

/// The scene of the documentation.
fn sample() -> Scopes {
    analyse(Reading {
        now: time(10_000).unwrap(),
        manager: Manager::User,
        slices: vec![SliceReading {
            name: "agents.slice".into(),
            path: "/agents.slice".into(),
            limits: CgroupLimits {
                tasks: Some(440),
                memory_max: Some(8192 * MIB),
                memory_high: None,
                cpu_weight: Some(50),
            },
            usage: CgroupUsage {
                tasks: Some(406),
                memory_bytes: Some(3174 * MIB),
                ..CgroupUsage::default()
            },
        }],
        units: vec![
            unit("orphan.scope", None, 403, None),
            unit("run-p1390-i179209.scope", Some(410 * MIB), 3, Some(pane("gc-mayor"))),
        ],
        panes: vec![PaneReading {
            unit: "session-3.scope".into(),
            slice: "user-1000.slice".into(),
            path: "/user.slice/user-1000.slice/session-3.scope".into(),
            owner: pane("work"),
            sample: None,
            processes: vec![process(9000, 1, "codex\u{1b}", 7)],
        }],
        incomplete: vec!["a server\ndid not answer".into()],
    })
}

fn host() -> Host {
    Host {
        name: None,
        machine: None,
        boot: None,
        systemd: None,
        systemd_version: None,
        tmux: None,
        git: None,
        util_linux: None,
        kernel: None,
        os: None,
        manager: "user",
        user: "agent".into(),
    }
}

#[test]
fn people_see_the_slice_the_agents_the_orphan_and_the_pane_outside() {
    let shown = human(&sample(), HumanOptions { width: 110, ..HumanOptions::default() });
    let shown: String = without_color(&shown);
    let expected = "\
agents.slice   406 of 440 tasks, 3.1 of 8.0 GiB, CPUWeight 50   2 units, 1 orphan
  ! agents.slice uses 92 % of its TasksMax
    AGENT     UNIT                     PANE          SINCE   CPU  MEM     TASKS  COMMAND
    gc-mayor  run-p1390-i179209.scope  gc-mayor:0.0  2 h 10  3 %  410 M   3      claude
  ✗ orphan    orphan.scope             –             2 h 10  3 %  ~200 M  403    claude
      $ systemctl --user stop orphan.scope
1 pane outside agents.slice
    AGENT  UNIT             PANE      SINCE   CPU  MEM     TASKS  COMMAND
  ✗ work   session-3.scope  work:0.0  16 min  6 %  ~100 M  7      codex\\u{1b}
    No limit of the slice applies to these processes: they were not launched through systemd-run --slice.
        doctor explain tmux-pane-scope
2 units, 1 orphan, 1 pane outside
  ? a server did not answer
";
    assert_eq!(shown, expected);
    let tree = HumanOptions { width: 110, tree: true, is_selection: false };
    let shown = without_color(&human(&sample(), tree));
    assert!(shown.contains("        10 bash  2 h 46\n          11 claude  2 h 46\n"), "{shown}");
}

/// Removes what colours the text, if another test of this process turned colour on.
fn without_color(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').map_or("", |(_, rest)| rest));
    std::iter::once(&*first).chain(rest).collect()
}

#[test]
fn the_schema_in_the_documents_is_that_of_the_types_and_holds() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scopes.schema.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, schema()).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == schema(),
        "docs/scopes.schema.json is stale: UPDATE_DOCS=1 cargo nextest run schema"
    );
    let schema: Value = serde_json::from_str(&written).unwrap();
    let validator =
        jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let report: Value = serde_json::from_str(&json(&ScopesReport::new(host(), sample()))).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|it| it.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{report:#}");
    assert_eq!((&report["exit"], &report["scopes"][1]["owner"]), (&1.into(), &Value::Null));
    assert_eq!(report["scopes"][0]["owner"]["by"], "pane-pid");
    let mut wrong = report.clone();
    wrong["scopes"][0]["owner"]["by"] = "guess".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn ndjson_has_a_line_for_each_part() {
    let text = ndjson(&ScopesReport::new(host(), sample()));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = lines.iter().filter_map(|line| line["type"].as_str()).collect();
    assert_eq!(types, ["begin", "slice", "scope", "scope", "scope", "end"]);
    assert_eq!(lines[5]["exit"], 1);
}

#[test]
fn prometheus_has_a_sample_for_each_unit_and_counts_the_panes() {
    let page = prometheus(&sample());
    for line in [
        "launch_doctor_scopes_orphans 1",
        "launch_doctor_scopes_panes_outside 1",
        "launch_doctor_scopes_complete 0",
        "launch_doctor_scopes_slice_tasks_limit{slice=\"agents.slice\"} 440",
        "launch_doctor_scopes_unit_cpu_seconds{slice=\"agents.slice\",unit=\"orphan.scope\",agent=\"orphan\"} 234.000000",
    ] {
        assert!(page.lines().any(|it| it == line), "{line}\n{page}");
    }
    assert!(!page.contains("session-3"), "{page}");
}

#[test]
fn wrong_options_are_usage_errors() {
    for args in
        [&["--sort", "size"][..], &["--sample", "2min"], &["--older", "x"], &["--format", "xml"]]
    {
        let run = Command::new(env!("CARGO_BIN_EXE_doctor")).arg("scopes").args(args).assert();
        run.code(2);
    }
}
