//! Reads the command line and says how it ended.

use clap::Parser;
use clap::error::ErrorKind;
use quorate_recovery::args::Cli;
use quorate_recovery::face::Face;
use quorate_recovery::failure::Failure;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    quorate_recovery::process::leave_no_core();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let face = Face::new(cli.json);
    match quorate_recovery::run(cli.command, face) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            face.fail(&failure);
            failure.exit_code()
        }
    }
}

/// Help that was asked for is no failure; everything else is the caller's.
fn unparsed(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let is_help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if is_help {
        // A closed pipe is nobody's failure.
        let _ = std::io::stdout().write_all(text.as_bytes());
        return ExitCode::SUCCESS;
    }
    if std::env::args_os().any(|argument| argument == "--json") {
        let first = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
        let message = first.trim_start_matches("error: ");
        let failure = Failure::caller("bad_usage", message, "see `quorate-recovery help`");
        Face::new(true).fail(&failure);
    } else {
        let _ = error.print();
    }
    ExitCode::from(2)
}
