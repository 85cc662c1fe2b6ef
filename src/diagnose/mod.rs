//! From lines of a log to the failure modes that they show. Pure: bytes in, findings out.

mod analysis;
mod decode;
mod failure_words;
mod finding;
mod input_format;
mod journal_entry;
mod log_line;
mod matcher;
mod proximity;
mod quoted_text;
mod word_scanner;

pub use analysis::{Analysis, Options};
pub use decode::visible_segments;
pub use finding::{
    Confirmation, Diagnosis, DiagnosisFinding, DiagnosisInput, MatchedLine, UnknownLine,
};
pub use input_format::{InputFormat, Unreadable};
pub use log_line::LogLine;
pub use matcher::{Matcher, SignatureMatch};
