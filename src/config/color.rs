use std::env;
use std::ffi::OsStr;

use colored::control;

use crate::cli::ColorChoice;

/// Turns colour on or off for the whole process, as the option, the environment and the terminal say.
pub fn set_color(choice: ColorChoice, is_terminal: bool) {
    control::set_override(wants_color(choice, is_terminal, |name| env::var_os(name)));
}

fn wants_color<T: AsRef<OsStr>>(
    choice: ColorChoice,
    is_terminal: bool,
    variable: impl Fn(&str) -> Option<T>,
) -> bool {
    let is = |name: &str, test: fn(&OsStr) -> bool| {
        variable(name).is_some_and(|value| test(value.as_ref()))
    };
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if is("NO_COLOR", |value| !value.is_empty()) => false,
        ColorChoice::Auto if is("CLICOLOR_FORCE", |value| value != "0" && !value.is_empty()) => {
            true
        }
        ColorChoice::Auto => {
            is_terminal
                && !is("CLICOLOR", |value| value == "0")
                && !is("TERM", |value| value == "dumb")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn auto(is_terminal: bool, set: &[(&str, &str)]) -> bool {
        wants_color(ColorChoice::Auto, is_terminal, |name| {
            set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_pipe_is_plain_unless_colour_is_forced() {
        assert!(auto(true, &[]));
        assert!(!auto(false, &[]));
        assert!(auto(false, &[("CLICOLOR_FORCE", "1")]));
        assert!(!auto(false, &[("CLICOLOR_FORCE", "0")]));
    }

    #[test]
    fn no_color_outweighs_everything_but_the_option() {
        assert!(!auto(true, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]));
        assert!(auto(true, &[("NO_COLOR", "")]));
        let no_color = |_: &str| Some("1");
        assert!(wants_color(ColorChoice::Always, false, no_color));
    }

    #[test]
    fn clicolor_and_a_dumb_terminal_turn_it_off() {
        assert!(!auto(true, &[("CLICOLOR", "0")]));
        assert!(!auto(true, &[("TERM", "dumb")]));
    }
}
