//! The program `quorate`, of this version.

use std::process::ExitCode;

fn main() -> ExitCode {
    quorate::run(quorate::THIS)
}
