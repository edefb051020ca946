//! The format: whatever goes in comes out, whatever is damaged is seen, and no bytes panic.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::embedded::catalog::{Catalog, Change};
use crate::embedded::frame::{FrameBuilder, FrameHeader, FrameKind, OldRecord, SectionHeader};
use crate::embedded::index::{SegmentIndex, read_directory, read_entries};
use crate::embedded::record::{Names, Records};
use crate::embedded::scan::{FILE_HEADER_BYTES, Frame, ScanFault, Scanner, file_header};
use crate::embedded::wire::{Reader, put_varint, varint_len};
use crate::{LogRecord, RecordHeader};

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn record() -> impl Strategy<Value = LogRecord> {
    let header = ("[a-cä]{0,3}", option::of(bytes()));
    let header = header.prop_map(|(key, value)| RecordHeader { key: key.into(), value });
    let parts = (option::of(bytes()), option::of(bytes()), vec(header, 0..4), any::<i64>());
    parts.prop_map(|(key, value, headers, timestamp_ms)| LogRecord {
        key,
        value,
        headers,
        timestamp_ms,
    })
}

/// A frame with these records in two queues, and how it should be found again.
fn frame_of(queues: &[Vec<LogRecord>; 2]) -> Vec<u8> {
    let mut frame = FrameBuilder::new(FrameKind::Records, 0);
    let mut next = [10, 20];
    for (queue, records) in queues.iter().enumerate() {
        let before = frame.sections().len();
        frame.put_records(queue as u32, records);
        for nth in before..frame.sections().len() {
            let count = frame.sections()[nth].count;
            frame.set_offset(nth, next[queue]);
            next[queue] += u64::from(count);
        }
    }
    frame.seal(7, 123, FILE_HEADER_BYTES as u64)
}

fn scan(file: &[u8]) -> Result<(Scanner, Frame), ScanFault> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.log");
    std::fs::write(&path, file).unwrap();
    let mut scanner = Scanner::open(&path).unwrap();
    scanner.file_id()?;
    let frame = scanner.frame(FILE_HEADER_BYTES as u64)?.expect("a frame");
    scanner.verify(&frame)?;
    assert!(scanner.frame(frame.end())?.is_none(), "nothing follows");
    Ok((scanner, frame))
}

fn decode(file: &Bytes, frame: &Frame) -> Vec<(u32, u64, LogRecord)> {
    let mut found = Vec::new();
    let mut names = Names::default();
    for (pos, section) in &frame.sections {
        let start = *pos as usize + section.section_len() - section.payload_len as usize;
        let payload = start..start + section.payload_len as usize;
        let (count, base, newest) = (section.count, section.base_offset, section.newest_ms);
        let mut records = Records::new(file, payload, count, base, newest, section.sparse);
        while let Some((offset, raw)) = records.next_from(0).unwrap() {
            let size = raw.size;
            let record = raw.take(file, &mut names).unwrap();
            assert_eq!(size, record.size());
            found.push((section.queue, offset, record));
        }
    }
    found
}

/// When each record says it was written, in the first section.
fn written_of(file: &Bytes, frame: &Frame) -> Vec<Option<u64>> {
    let (pos, section) = &frame.sections[0];
    let end = *pos as usize + section.section_len();
    let payload = end - section.payload_len as usize..end;
    let (count, base, newest) = (section.count, section.base_offset, section.newest_ms);
    let mut records = Records::new(file, payload, count, base, newest, section.sparse);
    std::iter::from_fn(|| records.next_from(0).unwrap()).map(|(_, raw)| raw.written_ms).collect()
}

proptest! {
    #[test]
    fn records_round_trip(a in vec(record(), 0..40), b in vec(record(), 1..200)) {
        let expected: Vec<_> = (10..).zip(&a).map(|(o, r)| (0, o, r.clone()))
            .chain((20..).zip(&b).map(|(o, r)| (1, o, r.clone()))).collect();
        let mut file = file_header(3);
        file.extend(frame_of(&[a, b]));
        let (_, frame) = scan(&file).unwrap();
        prop_assert_eq!(frame.header.sequence, 7);
        prop_assert_eq!(frame.header.written_ms, 123);
        prop_assert_eq!(decode(&file.into(), &frame), expected);
    }

    #[test]
    fn sparse_records_round_trip(records in vec((1..1000u64, record(), option::of(any::<u64>())), 1..40)) {
        let mut offset = 5;
        let records: Vec<_> = records.into_iter().map(|(step, record, written_ms)| {
            offset += step;
            OldRecord { offset, record, written_ms }
        }).collect();
        let mut frame = FrameBuilder::new(FrameKind::Rewritten, 0);
        frame.put_sparse(9, &records);
        let mut file = file_header(0);
        file.extend(frame.seal(0, 0, 0));
        let (_, frame) = scan(&file).unwrap();
        let placed: Vec<_> = frame.placed().collect();
        prop_assert_eq!((placed[0].first, placed[0].next), (records[0].offset, offset + 1));
        let expected: Vec<_> = records.iter().map(|old| (9, old.offset, old.record.clone())).collect();
        let file = file.into();
        prop_assert_eq!(decode(&file, &frame), expected);
        let written: Vec<_> = records.iter().map(|old| old.written_ms).collect();
        prop_assert_eq!(written_of(&file, &frame), written);
    }

    #[test]
    fn any_damaged_byte_is_seen(
        records in vec(record(), 1..20),
        at in any::<proptest::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let mut file = file_header(0);
        file.extend(frame_of(&[records.clone(), records]));
        let at = at.index(file.len());
        file[at] ^= flip;
        prop_assert!(scan(&file).is_err(), "byte {} changed and nobody saw it", at);
    }

    #[test]
    fn any_cut_is_seen(
        records in vec(record(), 1..20),
        at in any::<proptest::sample::Index>(),
    ) {
        let mut file = file_header(0);
        file.extend(frame_of(&[records.clone(), records]));
        // A file that ends with its header has no frame, and is not damaged.
        let at = at.index(file.len() - FILE_HEADER_BYTES - 1) + FILE_HEADER_BYTES + 1;
        file.truncate(at);
        prop_assert!(scan(&file).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..2000), count in any::<u32>()) {
        let _ = FrameHeader::parse(&bytes);
        let _ = SectionHeader::parse(&bytes);
        drop(Catalog::decode(&bytes, |_, _| ()));
        drop(Change::decode(&bytes));
        let block = Bytes::from(bytes);
        for sparse in [false, true] {
            let mut records =
                Records::new(&block, 0..block.len(), count, u64::MAX - 2, i64::MIN, sparse);
            while let Ok(Some((_, raw))) = records.next_from(0) {
                drop(raw.take(&block, &mut Names::default()));
            }
        }
    }

    #[test]
    fn mutated_records_never_panic(
        records in vec(record(), 1..20),
        changes in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..10),
    ) {
        let mut frame = frame_of(&[Vec::new(), records]);
        for (at, byte) in changes {
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        let count = 30;
        let block = Bytes::from(frame);
        let mut records = Records::new(&block, 96..block.len(), count, 0, 0, false);
        while let Ok(Some((_, raw))) = records.next_from(0) {
            drop(raw.take(&block, &mut Names::default()));
        }
    }

    #[test]
    fn varints_round_trip(value in any::<u64>()) {
        let mut out = Vec::new();
        put_varint(&mut out, value);
        prop_assert_eq!(out.len(), varint_len(value));
        prop_assert_eq!(Reader::new(&out).varint(), Ok(value));
    }
}

#[test]
fn an_overlong_varint_is_refused() {
    assert!(Reader::new(&[0xff; 11]).varint().is_err());
    let mut largest = [0xff; 10];
    largest[9] = 1;
    assert_eq!(Reader::new(&largest).varint(), Ok(u64::MAX));
    largest[9] = 2;
    assert!(Reader::new(&largest).varint().is_err());
}

#[test]
fn a_frame_of_another_version_is_refused_by_name() {
    let mut file = file_header(0);
    file.extend(frame_of(&[Vec::new(), vec![LogRecord::default()]]));
    file[FILE_HEADER_BYTES + 4] = 2;
    let fault = scan(&file).map(drop).unwrap_err();
    assert!(matches!(fault, ScanFault::Bad(fault) if fault.0.contains("version")));
}

#[test]
fn a_damaged_index_file_is_refused() {
    let record = LogRecord { value: Some(Bytes::from(vec![1; 5000])), ..LogRecord::default() };
    let mut file = file_header(0);
    file.extend(frame_of(&[vec![record.clone()], vec![record; 20]]));
    let (_, frame) = scan(&file).unwrap();
    let mut index = SegmentIndex::default();
    for placed in frame.placed() {
        index.push(&placed, 1);
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("f.idx");
    index.write(&path, 1000).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let load = || {
        let directory = read_directory(&path, 1000)?;
        directory.iter().map(|(_, at)| read_entries(&path, at)).collect::<Result<Vec<_>, _>>()
    };
    let entries = load().unwrap();
    let expected: Vec<_> = index.queues.values().map(|queue| queue.entries.clone()).collect();
    assert_eq!(entries.iter().map(|entries| entries.to_vec()).collect::<Vec<_>>(), expected);
    assert!(expected[1].len() > 1, "large sections have an entry each");
    assert!(read_directory(&path, 1001).is_err(), "it is not the index of that file");
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        assert!(load().is_err(), "byte {at}");
    }
}

/// The bytes of a file as format version 1 has them. If this fails, files of released versions
/// can no longer be read: give the new format a new version instead.
#[test]
fn the_format_is_what_it_was() {
    let header = RecordHeader { key: "h".into(), value: Some(Bytes::from_static(b"1")) };
    let record = LogRecord {
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::from_static(b"value")),
        headers: vec![header, RecordHeader { key: "n".into(), value: None }],
        timestamp_ms: 1000,
    };
    let tombstone =
        LogRecord { key: record.key.clone(), timestamp_ms: 870, ..LogRecord::default() };
    let mut frame = FrameBuilder::new(FrameKind::Records, 0);
    frame.put_records(5, &[record.clone(), tombstone.clone()]);
    frame.set_offset(0, 42);
    let mut file = file_header(9);
    file.extend(frame.seal(7, 1_700_000_000_000, 24));
    let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, FORMAT_1);
    let (_, frame) = scan(&file).unwrap();
    assert_eq!(decode(&file.into(), &frame), [(5, 42, record), (5, 43, tombstone)]);
}

const FORMAT_1: &str = concat!(
    "47616e7472794c6701000000090000000000000011730ba0476e463101010000010000005000000007000000",
    "000000000068e5cf8b0100001800000000000000a5a4fb09476e53310000000005000000020000002a000000",
    "000000002c00000000000000e8030000000000001c0000007711063295243a29130700036b65790201680231",
    "016e0076616c756507018201036b6579",
);
