use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Measurement;
use crate::host::User;

impl Measurement {
    /// Records the files of which lines `NAME=…` have to be commented out, by who may write them: the lists
    /// `KEY-own-file`, `KEY-root-file` and `KEY-package-file`, and in `KEY-sed` the program of sed(1) that does it. A
    /// package's file is not to be edited.
    pub(crate) fn setting_files(&mut self, key: &str, names: &[String], files: Vec<PathBuf>) {
        let uid = User::current().uid;
        let is_own = |file: &Path| fs::metadata(file).is_ok_and(|metadata| metadata.uid() == uid);
        let text = |file: &PathBuf| file.display().to_string();
        let (packaged, settings): (Vec<_>, Vec<_>) =
            files.into_iter().partition(|file| file.starts_with("/usr/lib"));
        let (own, others): (Vec<_>, Vec<_>) = settings.into_iter().partition(|file| is_own(file));
        self.detail(&format!("{key}-sed"), comment_out(names));
        self.list(&format!("{key}-own-file"), own.iter().map(text));
        self.list(&format!("{key}-root-file"), others.iter().map(text));
        self.list(&format!("{key}-package-file"), packaged.iter().map(text));
    }
}

/// Returns the program of sed(1), with extended patterns, that comments out the assignments to names.
fn comment_out(names: &[String]) -> String {
    format!("s/^[[:space:]]*({})[[:space:]]*=/#&/", names.join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_names_are_in_one_pattern() {
        let names = ["A".to_owned(), "B".to_owned()];
        assert_eq!(comment_out(&names), "s/^[[:space:]]*(A|B)[[:space:]]*=/#&/");
    }
}
