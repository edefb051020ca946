//! The program `gantry`.

use std::process::ExitCode;

/// Records are many small pieces of memory that one thread takes and another gives back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gantry::Gantry::new().main()
}
