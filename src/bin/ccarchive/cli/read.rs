//! Reading arguments and environment.
//!
//! A variable that is set to nothing counts as not set, and where a variable holds nonsense, the message names it and
//! not the flag that it stands for.

use std::ffi::OsString;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::{Cli, Command};

impl Cli {
    /// Reads arguments, whatever the environment says: a demo must not touch the site that it names.
    pub(crate) fn read_arguments_only<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let command = Self::command();
        let command = command.mut_subcommand("run", |c| c.mut_args(|a| a.env(Resettable::Reset)));
        Self::from_arg_matches(&command.try_get_matches_from(arguments)?)
    }

    /// Reads arguments and environment; the error prints itself, also where it is the help.
    pub(crate) fn read<I, T>(arguments: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString> + Clone,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let mut command = without_empty_variables(Self::command());
        let matches = command
            .try_get_matches_from_mut(&arguments)
            .map_err(|e| blame_variable(e, &command, &arguments))?;
        let mut cli = Self::from_arg_matches(&matches).map_err(|e| e.format(&mut command))?;
        if let Some((_, matches)) = matches.subcommand() {
            let named = from_environment(matches);
            match &mut cli.command {
                Command::Run(run) => {
                    run.from_environment = named;
                    run.select.check()?;
                }
                Command::Status(args) => args.site.from_environment = named,
                Command::Explain(args) => args.site.from_environment = named,
                Command::Show(args) => args.site.from_environment = named,
                Command::Verify(args) => args.site.from_environment = named,
                Command::Demo(_) | Command::Completions { .. } => {}
            }
        }
        Ok(cli)
    }
}

/// The ids of the arguments whose values come from the environment.
fn from_environment(matches: &ArgMatches) -> Vec<String> {
    let given = |id: &&str| {
        matches.try_contains_id(id).is_ok()
            && matches.value_source(id) == Some(ValueSource::EnvVariable)
    };
    let ids = matches.ids().map(clap::Id::as_str);
    ids.filter(given).map(str::to_owned).collect()
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    command.mut_subcommands(|command| {
        command.mut_args(|argument| {
            let is_empty = |name| std::env::var_os(name).is_some_and(|v| v.is_empty());
            if argument.get_env().is_some_and(is_empty) {
                argument.env(Resettable::Reset)
            } else {
                argument
            }
        })
    })
}

/// An error about the value of a flag that nobody gave is one about its variable.
fn blame_variable(
    mut error: clap::Error,
    command: &clap::Command,
    arguments: &[OsString],
) -> clap::Error {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    // As in `--workers <N>`.
    let flag = argument.split(' ').next().unwrap_or_default().to_owned();
    let is_given = arguments.iter().any(|a| {
        let text = a.to_string_lossy();
        text == flag
            || text
                .strip_prefix(&flag)
                .is_some_and(|rest| rest.starts_with('='))
    });
    // A flag has the same variable in all commands that have it.
    let variable = command
        .get_subcommands()
        .flat_map(clap::Command::get_arguments)
        .filter(|a| a.get_long().is_some_and(|long| flag == format!("--{long}")))
        .find_map(|a| a.get_env())
        .filter(|name| std::env::var_os(name).is_some());
    if let (false, Some(variable)) = (is_given, variable) {
        let name = format!("{} (environment, for {flag})", variable.to_string_lossy());
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
    error
}
