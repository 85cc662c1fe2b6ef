use clap::{Args, ValueEnum};

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR`, CLICOLOR=0 or TERM=dumb says otherwise
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The option of every command that writes for people.
#[derive(Debug, Args)]
pub struct ColorOption {
    /// When to use colour; `NO_COLOR`, CLICOLOR and `CLICOLOR_FORCE` decide for `auto`
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,
}
