//! The program `ccarchive`: reads flags, hands over to a command, ends with its exit code.

mod cli;
mod command;
mod generator;
mod memory;
mod report;
mod signals;
mod version;

use std::process::ExitCode;

use cli::{Cli, Command};

fn main() -> ExitCode {
    memory::keep_little();
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(e) => {
            // Ignore write errors: the reader closed the pipe.
            e.print().unwrap_or_default();
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    let ended = match cli.command {
        Command::Run(args) => command::run::run(&args),
        Command::Status(args) => command::status::status(&args),
        Command::Explain(args) => command::explain::explain(&args),
        Command::Show(args) => command::show::show(&args),
        Command::Verify(args) => command::verify::verify(&args),
        Command::Demo(args) => command::demo::demo(&args),
        Command::Completions { shell } => command::completions::completions(shell),
    };
    let exit = ended.unwrap_or_else(|stopped| {
        report::error(&stopped.message);
        stopped.exit
    });
    ExitCode::from(exit as u8)
}
