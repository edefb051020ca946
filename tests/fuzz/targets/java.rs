//! Frames that Java gives, and the archives and class files that plugins are found in.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use gantry_jvm_bridge::fuzzing;
use libfuzzer_sys::fuzz_target;

/// In memory, where there is such a place.
static ARCHIVE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let place = if memory.is_dir() { memory } else { std::env::temp_dir() };
    place.join(format!("gantry-fuzz-{}.jar", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind {
        b'A' => {
            if std::fs::write(&*ARCHIVE, rest).is_ok() {
                fuzzing::archive(&ARCHIVE);
            }
        }
        b'C' => fuzzing::class(rest),
        kind => fuzzing::frame(*kind, rest),
    }
});
