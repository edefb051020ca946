//! What `/proc/self` says of this process, and how large the data directory is.

use std::fs;
use std::path::Path;

/// Files and directories looked at for the size of the data directory; more are not counted.
const ENTRIES_MAX: usize = 100_000;

/// A look at this process. What the system does not tell is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Process {
    pub(super) resident_bytes: u64,
    pub(super) cpu_seconds: f64,
    pub(super) open_fds: u64,
}

impl Process {
    /// As it is now.
    pub(super) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let schedstat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        let open_fds = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        Self {
            resident_bytes: resident_bytes(&status),
            cpu_seconds: cpu_seconds(&schedstat),
            open_fds: open_fds as u64,
        }
    }
}

fn resident_bytes(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default().saturating_mul(1_024)
}

/// User and system time are fields 14 and 15, in hundredths of a second on every Linux.
fn cpu_seconds(stat: &str) -> f64 {
    // The second field is the program's name, which may hold spaces, in parentheses.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

/// Bytes of all files below a directory.
pub(super) fn dir_bytes(dir: &Path) -> u64 {
    let mut open = vec![dir.to_owned()];
    let (mut bytes, mut seen) = (0_u64, 0);
    while let Some(dir) = open.pop() {
        let Ok(entries) = fs::read_dir(dir) else { continue };
        for entry in entries.flatten() {
            seen += 1;
            if seen > ENTRIES_MAX {
                return bytes;
            }
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => open.push(entry.path()),
                Ok(metadata) => bytes = bytes.saturating_add(metadata.len()),
                Err(_) => {}
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_read() {
        assert_eq!(resident_bytes("VmSize:\t9 kB\nVmRSS:\t    2048 kB\n"), 2 << 20);
        let stat = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0";
        assert_eq!(cpu_seconds(stat), 3.0);
        let now = Process::now();
        assert!(now.resident_bytes > 0 && now.open_fds > 0, "{now:?}");
    }

    #[test]
    fn a_directory_is_added_up() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("inner")).unwrap();
        fs::write(dir.path().join("a"), [0; 10]).unwrap();
        fs::write(dir.path().join("inner/b"), [0; 5]).unwrap();
        assert_eq!(dir_bytes(dir.path()), 15);
    }
}
