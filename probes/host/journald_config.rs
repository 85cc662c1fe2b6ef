use super::{Access, QueryError};

/// The settings of journald that decide which lines are kept, and where (journald.conf(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournaldConfig {
    /// `Storage=`; empty for the default, `auto` before systemd 259.
    pub storage: String,
    /// `SplitMode=`; empty for the default, `uid`.
    pub split_mode: String,
    /// Whether `RateLimitIntervalSec=` or `RateLimitBurst=` is zero, so that no line is dropped.
    pub is_unlimited: bool,
}

impl JournaldConfig {
    /// Reads the files of the configuration, as systemd would read them now.
    ///
    /// # Errors
    /// If `systemd-analyze` cannot be run.
    pub fn read(access: Access) -> Result<Self, QueryError> {
        let run = access
            .command("systemd-analyze")
            .args(["cat-config", "systemd/journald.conf"])
            .capture_limit(1 << 20)
            .run()?;
        Ok(Self::parse(&run.stdout_text()))
    }

    /// Parses the files in their order of precedence: the last assignment counts, and an empty one
    /// restores the default.
    pub fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let lines = text.lines().filter_map(|line| line.trim().split_once('='));
            let mut values =
                lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim());
            values.next_back().unwrap_or_default().to_owned()
        };
        let is_zero = |key| {
            let value = value(key);
            let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
            !number.is_empty() && number.bytes().all(|byte| byte == b'0')
        };
        Self {
            storage: value("Storage"),
            split_mode: value("SplitMode"),
            is_unlimited: is_zero("RateLimitIntervalSec") || is_zero("RateLimitBurst"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_assignment_counts() {
        let text = "# /etc/systemd/journald.conf\n[Journal]\n#Storage=none\nStorage=volatile\n\
                    RateLimitBurst=100\n\n# /etc/systemd/journald.conf.d/zz.conf\n[Journal]\n\
                    Storage = persistent\nRateLimitIntervalSec=0s\n";
        let config = JournaldConfig::parse(text);
        assert_eq!((&*config.storage, &*config.split_mode), ("persistent", ""));
        assert!(config.is_unlimited);
        assert!(
            !JournaldConfig::parse("RateLimitIntervalSec=30s\nRateLimitBurst=100").is_unlimited
        );
        assert!(!JournaldConfig::parse("RateLimitIntervalSec=\n").is_unlimited);
        assert_eq!(JournaldConfig::parse("Storage=none\nStorage=\n").storage, "");
    }
}
