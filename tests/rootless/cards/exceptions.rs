use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::{env, fs};

/// A list of what does not meet a lint yet. It may only get shorter.
pub(super) struct Exceptions {
    path: PathBuf,
}

impl Exceptions {
    /// The list in a file of this directory: a line each; lines with # are comments.
    pub(super) fn in_file(name: &str) -> Self {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rootless/cards");
        Self { path: PathBuf::from(dir).join(name) }
    }

    /// Asserts that every key of `wrong` is on the list, and that all on the list is still wrong. The values say
    /// more. `UPDATE_DOCS=1` removes from the list what is no longer wrong; nothing adds to it.
    #[track_caller]
    pub(super) fn assert_cover(&self, wrong: &BTreeMap<String, String>) {
        let text = fs::read_to_string(&self.path).expect("the list is beside this file");
        let (comments, lines): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with('#'));
        let listed: BTreeSet<String> = lines.into_iter().map(str::to_owned).collect();
        let new: Vec<_> = wrong.iter().filter(|(key, _)| !listed.contains(*key)).collect();
        assert!(new.is_empty(), "\n{new:#?}");
        let (kept, stale): (Vec<&String>, Vec<&String>) =
            listed.iter().partition(|key| wrong.contains_key(*key));
        if env::var_os("UPDATE_DOCS").is_some() {
            let kept = kept.into_iter().map(String::as_str);
            let lines: Vec<&str> = comments.into_iter().chain(kept).collect();
            fs::write(&self.path, lines.join("\n") + "\n").expect("the list can be written");
        } else {
            let name = self.path.display();
            assert!(stale.is_empty(), "done, remove from {name} (UPDATE_DOCS=1 does): {stale:#?}");
        }
    }
}
