//! One process at a time has a data directory.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::private;
use crate::api::LogError;

const LOCK_FILE: &str = "lock";

/// Longest process id that is read from the lock file.
const PID_BYTES_MAX: u64 = 20;

/// The lock; it ends with this value or with the process, however that ends.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    pub(crate) fn take(dir: &Path) -> Result<Self, LogError> {
        let path = dir.join(LOCK_FILE);
        let fault = |error: std::io::Error| {
            LogError::Unavailable(format!("cannot lock {}: {error}", path.display()).into())
        };
        let mut options = private::options();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = options.open(&path).map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Who holds it may not have written its id yet; the error is useful without.
                if file.take(PID_BYTES_MAX).read_to_string(&mut pid).is_err() || pid.is_empty() {
                    pid = "unknown".to_owned();
                }
                let pid = pid.trim().to_owned();
                return Err(LogError::Locked { dir: dir.display().to_string(), pid });
            }
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(fault)?;
        Ok(Self { _file: file })
    }
}
