use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::aot::generate;
use launch_probes::PROBES;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::sink;

/// The commands that take names of probes and groups, each with the argument that takes them.
const TAKE_NAMES: [(&str, &str); 5] = [
    ("check", "names"),
    ("gate", "names"),
    ("record", "names"),
    ("list", "names"),
    ("explain", "id"),
];

/// Writes a shell's completions for `doctor`, with the names of probes and groups.
///
/// # Errors
/// When it could not be written.
pub(super) fn run(shell: Shell) -> anyhow::Result<Exit> {
    // clap wants names that live as long as the process, which ends once it has written them.
    let mut names: Vec<&'static str> = PROBES.iter().map(|probe| &*probe.id().leak()).collect();
    names.extend(PROBES.iter().map(|probe| probe.group));
    names.dedup();

    let mut script = Vec::new();
    generate(shell, &mut command_with_names(&names), "doctor", &mut script);
    let mut script = String::from_utf8(script)?;
    if shell == Shell::Fish {
        script.push_str(&names_for_fish(&names));
    }
    sink::write(&script, None)?;
    Ok(Exit::Success)
}

/// Returns the command line with the names of probes and groups as possible values.
fn command_with_names(names: &[&'static str]) -> Command {
    TAKE_NAMES.into_iter().fold(Cli::command(), |command, (subcommand, arg)| {
        command.mut_subcommand(subcommand, |it| {
            it.mut_arg(arg, |arg| arg.value_parser(PossibleValuesParser::new(names)))
        })
    })
}

/// Returns the names for fish, whose generator completes only options and commands.
fn names_for_fish(names: &[&str]) -> String {
    let names = names.join(" ");
    let line = |(command, _)| {
        let condition = format!("__fish_doctor_using_subcommand {command}");
        format!("complete -c doctor -n \"{condition}\" -f -a \"{names}\"\n")
    };
    TAKE_NAMES.into_iter().map(line).collect()
}
