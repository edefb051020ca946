//! The program `gantry`.

use std::process::ExitCode;

fn main() -> ExitCode {
    gantry::Gantry::new().main()
}
