//! The corpora of the fuzzers: what real programs of five releases wrote, and what fuzzers have found.

use std::fs;
use std::path::{Path, PathBuf};

use launch_probes::Probe;
use launch_probes::fuzz_invariants::Target;
use rstest::rstest;

/// How many inputs are made of each file of a corpus.
const MADE: u32 = 100;

fn targets() -> impl Iterator<Item = (&'static str, Target)> {
    launch_probes::fuzz_invariants::TARGETS.into_iter().chain(super::TARGETS)
}

/// The files of a target's corpus. Cards and records are documents that the repository has anyway.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = files_in(&root.join("fuzz/corpus").join(name));
    assert!(!files.is_empty(), "there is no corpus {name}");
    if name == "documents" {
        files.extend(files_in(&root.join("docs/records")));
        let card = |probe: &Probe| {
            let file = format!("probes/{}/{}.toml", probe.group, probe.name);
            fs::read(root.join(file)).unwrap()
        };
        files.extend(launch_probes::PROBES.iter().map(card));
    }
    files
}

fn files_in(dir: &Path) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn every_fuzzer_and_every_corpus_is_of_a_target() {
    let names: Vec<&str> = targets().map(|(name, _)| name).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for folder in ["corpus", "fuzz_targets"] {
        let entries = fs::read_dir(root.join(folder)).unwrap();
        let mut found: Vec<String> = entries
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        found.sort();
        let mut names = names.clone();
        names.sort_unstable();
        assert_eq!(found, names, "{folder}");
    }
}

#[rstest]
fn every_promise_holds_for_every_file_of_a_corpus(
    #[values(
        "proc",
        "manager",
        "words",
        "answers",
        "versions",
        "documents",
        "reports",
        "cli",
        "fanout",
        "logs"
    )]
    name: &str,
) {
    let (_, target) = targets().find(|(target, _)| *target == name).unwrap();
    let files = corpus(name);
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for file in &files {
        target(file);
        for _ in 0..MADE {
            target(&chance.spoilt(file, &files));
        }
    }
}

/// The same numbers in every run (xorshift64; G. Marsaglia, "Xorshift RNGs").
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let remainder = self.0 % u64::try_from(end.max(1)).expect("a length fits");
        usize::try_from(remainder).expect("it is below a length")
    }

    /// A part of a file, cut off, with single bytes and whole pieces of other files in it.
    fn spoilt(&mut self, whole: &[u8], others: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = whole[self.below(whole.len())..].to_vec();
        bytes.truncate(1 + self.below(2000));
        for _ in 0..self.below(5) {
            let at = self.below(bytes.len());
            match self.below(3) {
                0 => bytes.truncate(at),
                1 if at < bytes.len() => {
                    bytes[at] = u8::try_from(self.below(256)).expect("it is below 256");
                }
                _ => {
                    let other = &others[self.below(others.len())];
                    let from = self.below(other.len());
                    bytes.splice(at..at, other[from..].iter().take(40).copied());
                }
            }
        }
        bytes
    }
}
