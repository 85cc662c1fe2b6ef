use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::aot::generate;
use launch_probes::PROBES;

use super::output;
use crate::cli::Cli;
use crate::exit::Exit;

/// The commands that take names of probes and groups.
const TAKE_NAMES: [&str; 4] = ["check", "gate", "record", "list"];

/// Writes what a shell completes `doctor` by, the names of probes and groups included.
///
/// # Errors
/// When it could not be written.
pub fn run(shell: Shell) -> anyhow::Result<Exit> {
    // The parser wants names that live as long as the process, which ends when it has written them.
    let ids: Vec<&'static str> = PROBES.iter().map(|probe| &*probe.id().leak()).collect();
    let mut names = ids.clone();
    names.extend(PROBES.iter().map(|probe| probe.group));
    names.dedup();

    let mut script = Vec::new();
    generate(shell, &mut command_with_names(&ids, &names), "doctor", &mut script);
    let mut script = String::from_utf8(script)?;
    if shell == Shell::Fish {
        script.push_str(&names_for_fish(&ids, &names));
    }
    output::write(&script, None)?;
    Ok(Exit::Fine)
}

/// The command line, with the names that the running doctor finds out for itself.
fn command_with_names(ids: &[&'static str], names: &[&'static str]) -> Command {
    let mut command = Cli::command();
    for subcommand in TAKE_NAMES {
        command = command.mut_subcommand(subcommand, |it| {
            it.mut_arg("names", |arg| arg.value_parser(PossibleValuesParser::new(names)))
        });
    }
    command.mut_subcommand("explain", |it| {
        it.mut_arg("id", |arg| arg.value_parser(PossibleValuesParser::new(ids)))
    })
}

/// The generator for fish knows options and commands only.
fn names_for_fish(ids: &[&str], names: &[&str]) -> String {
    let line = |command: &str, words: &[&str]| {
        format!(
            "complete -c doctor -n \"__fish_doctor_using_subcommand {command}\" -f -a \"{}\"\n",
            words.join(" ")
        )
    };
    let mut lines: String = TAKE_NAMES.iter().map(|command| line(command, names)).collect();
    lines.push_str(&line("explain", ids));
    lines
}
