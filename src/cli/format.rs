use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use clap::builder::{EnumValueParser, PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, ValueEnum};

use crate::report::Format;

/// One `--format FORMAT[=FILE]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatArg {
    pub format: Format,
    /// The file that it is written to; standard output, if there is none.
    pub file: Option<PathBuf>,
}

/// Reads `FORMAT` and `FORMAT=FILE`.
#[derive(Clone)]
pub(super) struct FormatParser;

impl TypedValueParser for FormatParser {
    type Value = FormatArg;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<FormatArg, clap::Error> {
        let bytes = value.as_bytes();
        let (name, file) = match bytes.iter().position(|byte| *byte == b'=') {
            None => (value, None),
            Some(at) => {
                (OsStr::from_bytes(&bytes[..at]), Some(OsStr::from_bytes(&bytes[at + 1..])))
            }
        };
        let format = EnumValueParser::<Format>::new().parse_ref(command, arg, name)?;
        if file.is_some_and(OsStr::is_empty) {
            let message = format!("no file after the `=` of --format {}\n", value.display());
            return Err(clap::Error::raw(ErrorKind::ValueValidation, message).with_cmd(command));
        }
        Ok(FormatArg { format, file: file.map(OsString::from).map(PathBuf::from) })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let formats = Format::value_variants().iter();
        Some(Box::new(formats.filter_map(ValueEnum::to_possible_value)))
    }
}
