//! A real `node_exporter` serves what the doctor wrote, and a real Prometheus answers about it. Both
//! listen on a port of the loopback address that the kernel chose.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use launch_doctor::exit::FailOn;
use launch_doctor::judge::Verdict;
use launch_doctor::report::{Format, render};
use serde_json::Value;
use tempfile::TempDir;

use super::doctor;
use super::fixture::{HOSTILE_LINE, hostile_report};
use super::report_readers::reader;

/// How long a server may take for what it must do: a bound, not a delay.
const BOUND: Duration = Duration::from_secs(20);

/// A server that ends with the test.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    /// Starts it, and waits until its log says where it listens.
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut log = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut output = String::new();
        let address = loop {
            let mut line = String::new();
            if log.read_line(&mut line).unwrap_or(0) == 0 {
                let _ = child.kill();
                panic!("{command:?} ended:\n{output}");
            }
            if line.contains("Listening on") {
                let (_, address) = line.split_once("address=").expect("where it listens");
                break address.trim().to_owned();
            }
            output.push_str(&line);
        };
        // What else it says must go somewhere, or it would wait for a reader.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        assert!(address.starts_with("127.0.0.1:"), "{address}");
        Self { child, address }
    }

    /// The body of its answer; empty if it does not answer yet.
    fn get(&self, path: &str) -> String {
        let mut answer = String::new();
        let asked = TcpStream::connect(&self.address).and_then(|mut stream| {
            stream.set_read_timeout(Some(BOUND))?;
            write!(stream, "GET {path} HTTP/1.0\r\nHost: {}\r\n\r\n", self.address)?;
            stream.read_to_string(&mut answer)
        });
        if asked.is_err() {
            return String::new();
        }
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }

    /// The series that a query finds.
    fn query(&self, query: &str) -> Vec<Value> {
        let encoded: String = query
            .bytes()
            .flat_map(|byte| format!("%{byte:02X}").into_bytes())
            .map(char::from)
            .collect();
        let body = self.get(&format!("/api/v1/query?query={encoded}"));
        let answer: Value = serde_json::from_str(&body).unwrap_or_default();
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// The series that a query finds once it finds what is waited for.
    #[track_caller]
    fn await_query(&self, query: &str, is_there: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let series = self.query(query);
            if is_there(&series) {
                return series;
            }
            assert!(begun.elapsed() < BOUND, "{query} finds {series:?}");
            // Prometheus announces no scrape, so the query is repeated.
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn node_exporter(dir: &Path) -> Server {
    let textfile = format!("--collector.textfile.directory={}", dir.display());
    Server::start(
        Command::new(reader("root/usr/bin/prometheus-node-exporter"))
            .args(["--collector.disable-defaults", "--collector.textfile", &textfile])
            .arg("--web.listen-address=127.0.0.1:0"),
    )
}

fn prometheus(dir: &Path, target: &str) -> Server {
    let config = dir.join("prometheus.yml");
    let text = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         scrape_configs: [{{job_name: node, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
    );
    fs::write(&config, text).unwrap();
    Server::start(
        Command::new(reader("root/usr/bin/prometheus"))
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.join("data").display()))
            .arg("--web.listen-address=127.0.0.1:0"),
    )
}

#[test]
fn a_real_prometheus_answers_about_what_a_real_node_exporter_serves() {
    let dir = TempDir::new().unwrap();
    let textfile = dir.path().join("textfile");
    fs::create_dir(&textfile).unwrap();
    let metrics = textfile.join("doctor.prom");
    let run = doctor()
        .args(["check", "session", "launcher", "--fail-on", "never", "--format", "json"])
        .arg(format!("--format=prometheus={}", metrics.display()))
        .assert();
    let report: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();

    let exporter = node_exporter(&textfile);
    let served = exporter.get("/metrics");
    assert!(served.contains("\nlaunch_doctor_info{"), "{served}");
    assert!(served.contains("\nnode_textfile_scrape_error 0\n"), "{served}");

    let database = prometheus(dir.path(), &exporter.address);
    let counts = database.await_query("launch_doctor_probes", |series| !series.is_empty());
    assert_eq!(counts.len(), Verdict::ALL.len());
    for series in counts {
        let verdict = series["metric"]["verdict"].as_str().unwrap();
        let value = series["value"][1].as_str().unwrap();
        assert_eq!(value, report["summary"][verdict].to_string(), "{verdict}");
    }
    let probes = database.query("launch_doctor_probe_verdict == 1");
    assert_eq!(probes.len(), report["probes"].as_array().unwrap().len());

    // The next run of another state: every series follows, and odd characters arrive in sight.
    let next = textfile.join("next");
    fs::write(&next, render(&hostile_report(FailOn::Fail), Format::Prometheus, 80)).unwrap();
    fs::rename(&next, &metrics).unwrap();
    let series =
        database.await_query(r#"launch_doctor_probe_verdict{verdict="fail"}"#, |it| it.len() == 1);
    assert_eq!(series[0]["metric"]["probe"], "probe-fail");
    assert_eq!(series[0]["metric"]["group"], "group");
    let info = database.query("launch_doctor_info");
    let os = info.iter().map(|series| &series["metric"]["os"]).find(|os| *os == HOSTILE_LINE);
    assert!(os.is_some(), "{info:#?}");
}
