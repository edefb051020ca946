//! The readers of the log's files, for `tests/fuzz`: any bytes, without a panic, soon.

use std::io::Write as _;

use bytes::Bytes;

use super::catalog::{Catalog, Change};
use super::frame::{FrameHeader, SectionHeader};
use super::index::{read_directory, read_entries};
use super::record::{Names, Records};
use super::scan::{FILE_HEADER_BYTES, Scanner};

/// Reads the bytes as each thing that stands in a file of the log.
pub fn read(bytes: &[u8]) {
    let _ = FrameHeader::parse(bytes);
    let _ = SectionHeader::parse(bytes);
    drop(Catalog::decode(bytes, |_, _| ()));
    drop(Change::decode(bytes));
    let block = Bytes::copy_from_slice(bytes);
    for sparse in [false, true] {
        let count = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let mut records = Records::new(&block, 0..block.len(), count, 0, 0, sparse);
        while let Ok(Some((_, raw))) = records.next_from(0) {
            drop(raw.take(&block, &mut Names::default()));
        }
    }
    drop(as_files(bytes));
}

/// Reads them as a segment file and as its index.
fn as_files(bytes: &[u8]) -> std::io::Result<()> {
    let path = std::env::temp_dir().join(format!("gantry-fuzz-log-{}", std::process::id()));
    std::fs::File::create(&path)?.write_all(bytes)?;
    if let Ok(directory) = read_directory(&path, 0) {
        for (_, at) in &directory {
            drop(read_entries(&path, at));
        }
    }
    let mut scanner = Scanner::open(&path)?;
    let mut at = FILE_HEADER_BYTES as u64;
    while let Ok(Some(frame)) = scanner.frame(at) {
        drop(scanner.verify(&frame));
        at = frame.end();
    }
    std::fs::remove_file(&path)
}
