//! `ccarchive verify`: database, archive and contents compared.

use ccarchive::inspect::verify::{self, Wanted};
use ccarchive::sweep::Exit;
use jiff::Zoned;

use super::Stopped;
use super::inspected::Inspected;
use crate::cli::inspect::VerifyArgs;
use crate::report::inspect::verify::Console;

/// Compares; changes nothing.
pub(crate) fn verify(args: &VerifyArgs) -> Result<Exit, Stopped> {
    let now = Zoned::now();
    let Some(site) = Inspected::open(&args.site, None, &now)? else {
        return Ok(Exit::Done);
    };
    let today = now.timestamp().as_second().div_euclid(86_400);
    let wanted = Wanted {
        read_data: args.read_data,
        sample: args.sample,
        seed: u32::try_from(today).unwrap_or(0),
        after: args.after,
        clusters: args.cluster.clone(),
        max_duration: args.max_duration,
    };
    let mut console = Console::new(args.json, args.quiet);
    let verified = site.ask(|ports| {
        let answer = verify::verify(ports, &*site.archive, &site.terms, &wanted, &mut console);
        Ok(answer?)
    })?;
    console.finish(&verified)?;
    Ok(if verified.go_on_after.is_some() {
        Exit::TimeBox
    } else if verified.errors + verified.warnings > 0 {
        Exit::Failures
    } else {
        Exit::Done
    })
}
