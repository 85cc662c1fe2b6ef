use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use launch_probes::host::Manager;

use super::{ColorOption, manager, span};
use crate::fanout::report::FanoutFormat;

/// What `doctor fanout` examines, and how it reports.
#[derive(Debug, Args)]
pub struct FanoutOptions {
    /// Start of the window: a span such as 30m or 2h, or a time.
    #[arg(long, value_name = "TIME", default_value = "30m")]
    pub since: TimeArg,
    /// End of the window: a span or a time; now by default.
    #[arg(long, value_name = "TIME")]
    pub until: Option<TimeArg>,
    /// Unit whose starts are the fires; by default every service that a timer starts.
    #[arg(long, value_name = "UNIT")]
    pub dispatcher: Vec<String>,
    /// Members of the fan-out, as a pattern of unit names.
    #[arg(long, value_name = "GLOB")]
    pub units: Vec<String>,
    /// Read a lock history; by default /tmp/gptme-lock-history.log, if you or root own it.
    #[arg(long, value_name = "FILE")]
    pub history: Vec<PathBuf>,
    /// Read a journal from a file or standard input, in the format json, json-seq or export.
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["live", "watch", "until_idle", "watch_for"])]
    pub journal: Option<PathBuf>,
    /// Require this many units at each fire.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub expect: Option<u32>,
    /// Longest pause between two starts of one fire, for units that no dispatcher launched.
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = span)]
    pub gap: Duration,
    /// Launch N probe units and prove that they run at the same moment.
    #[arg(long, value_name = "N", conflicts_with = "watch", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub live: Option<u32>,
    /// Watch units begin and end, by the events of their cgroups.
    #[arg(long)]
    pub watch: bool,
    /// Slice in which to launch, or whose units to watch.
    #[arg(long, value_name = "NAME", env = "GC_AGENT_SLICE", hide_env_values = true)]
    pub slice: Option<String>,
    /// Watch for so long; without it until Ctrl-C.
    #[arg(long = "for", value_name = "SPAN", requires = "watch", value_parser = span)]
    pub watch_for: Option<Duration>,
    /// Watch until no unit has run for 2 s, after at least one did.
    #[arg(long, requires = "watch")]
    pub until_idle: bool,
    /// Limit for --live and for what is asked of the host, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = super::seconds)]
    pub timeout: Duration,
    /// Manager that launches the units.
    #[arg(long, value_name = "MANAGER", default_value = "user", value_parser = manager())]
    pub manager: Manager,
    /// Format of the report, and its file; human by default. May be given several times.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub format: Vec<FanoutFormatArg>,
    #[command(flatten)]
    pub color: ColorOption,
}

/// A format, and the file to write it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FanoutFormatArg {
    pub format: FanoutFormat,
    pub file: Option<PathBuf>,
}

impl FromStr for FanoutFormatArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(file)),
            None => (text, None),
        };
        if file == Some("") {
            return Err(format!("a file was expected after {name}="));
        }
        let format = FanoutFormat::from_str(name, false).map_err(|_| {
            let names =
                FanoutFormat::value_variants().iter().filter_map(ValueEnum::to_possible_value);
            let names: Vec<String> = names.map(|it| it.get_name().to_owned()).collect();
            format!("one of {} was expected", names.join(", "))
        })?;
        Ok(Self { format, file: file.map(PathBuf::from) })
    }
}

/// A time on the command line: a span before now, or a time of day or a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeArg {
    Ago(SignedDuration),
    At(Timestamp),
}

impl TimeArg {
    /// Returns it in microseconds since 1970.
    pub fn resolve(self, now: Timestamp) -> i64 {
        match self {
            Self::Ago(span) => now.checked_sub(span).unwrap_or(Timestamp::MIN).as_microsecond(),
            Self::At(at) => at.as_microsecond(),
        }
    }
}

impl FromStr for TimeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let ago = text.strip_prefix('-').or_else(|| text.strip_suffix(" ago")).unwrap_or(text);
        if let Ok(span) = ago.parse::<SignedDuration>()
            && !span.is_negative()
        {
            return Ok(Self::Ago(span));
        }
        if let Some(at) = text.strip_prefix('@') {
            let seconds: i64 = at.parse().map_err(|_| expected(text))?;
            return Timestamp::from_second(seconds).map(Self::At).map_err(|_| expected(text));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            return Ok(Self::At(at));
        }
        if let Ok(at) = text.parse::<Zoned>() {
            return Ok(Self::At(at.timestamp()));
        }
        let civil = text.parse::<DateTime>().ok().or_else(|| {
            let time = text.parse::<jiff::civil::Time>().ok()?;
            Some(Zoned::now().date().to_datetime(time))
        });
        let zoned = civil.and_then(|civil| civil.to_zoned(TimeZone::system()).ok());
        zoned.map(|zoned| Self::At(zoned.timestamp())).ok_or_else(|| expected(text))
    }
}

fn expected(text: &str) -> String {
    format!("`{text}` is neither a span such as 30m nor a time such as 2026-03-01T16:00")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_times_are_read() {
        let ago = |text: &str| text.parse::<TimeArg>().unwrap();
        assert_eq!(ago("30m"), TimeArg::Ago(SignedDuration::from_mins(30)));
        assert_eq!(ago("30 min ago"), TimeArg::Ago(SignedDuration::from_mins(30)));
        assert_eq!(ago("1h30m"), TimeArg::Ago(SignedDuration::from_mins(90)));
        assert_eq!(ago("@60"), TimeArg::At(Timestamp::from_second(60).unwrap()));
        assert_eq!(
            ago("2026-03-01T16:00:00Z"),
            TimeArg::At("2026-03-01T16:00:00Z".parse().unwrap())
        );
        assert!(matches!(ago("2026-03-01 16:00"), TimeArg::At(_)));
        assert!(matches!(ago("16:30"), TimeArg::At(_)));
        assert!("yesterday".parse::<TimeArg>().is_err());
    }

    #[test]
    fn a_format_can_have_a_file() {
        let format = "trace=a=b.json".parse::<FanoutFormatArg>().unwrap();
        assert_eq!(format.file.as_deref(), Some("a=b.json".as_ref()));
        assert!("html=".parse::<FanoutFormatArg>().is_err());
        assert!("xml".parse::<FanoutFormatArg>().unwrap_err().contains("trace"));
    }
}
