//! The program `gantry`.

use std::process::ExitCode;

/// Records are many small pieces of memory that one thread takes and another gives back. Without huge
/// pages (feature `no_thp`), which took several times the memory, and no less time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    gantry::Gantry::new().main()
}
