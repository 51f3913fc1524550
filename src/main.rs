//! The program `ccarchive`.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use ccarchive::site::{ErrorKind, Site};
use cli::{Cli, Command};
use jiff::Zoned;

fn main() -> anyhow::Result<ExitCode> {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            error.print()?;
            return Ok(ExitCode::from(u8::try_from(error.exit_code())?));
        }
    };
    let Command::Run(run) = cli.command else {
        return Ok(ExitCode::SUCCESS);
    };
    if let Err(error) = run.selection(&Zoned::now()) {
        error.print()?;
        return Ok(ExitCode::from(2));
    }
    let site = Site::resolve(&run.places());
    let error = match &site {
        Ok(site) if run.place.show_config => {
            write!(std::io::stdout(), "{}", site.show())?;
            for warning in &site.warnings {
                writeln!(std::io::stderr(), "ccarchive: warning: {warning}")?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        Ok(site) => site.check().err(),
        Err(_) => site.err(),
    };
    let Some(error) = error else {
        return Ok(ExitCode::SUCCESS);
    };
    let code = match error.kind() {
        ErrorKind::CouldNotRun => 1,
        ErrorKind::Usage => 2,
        ErrorKind::Unsupported => 12,
    };
    writeln!(
        std::io::stderr(),
        "ccarchive: {:#}",
        anyhow::Error::from(error)
    )?;
    Ok(ExitCode::from(code))
}
