mod formats;
mod opencsv;
mod task;
mod validation;

use std::io::{self, Cursor, Read};

use super::fault::Fault;
use super::format::{Format, Item};
use super::input::{End, Input, Packing, Reading, Stop};
use super::offset::Resume;
use super::place::{OpenFile, Stat};

/// A file in memory, of which each read gives so many bytes at most.
pub(super) struct Memory {
    bytes: Cursor<Vec<u8>>,
    step: usize,
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let step = self.step.min(into.len());
        self.bytes.read(&mut into[..step])
    }
}

impl OpenFile for Memory {
    fn stat(&mut self) -> io::Result<Stat> {
        let length = self.bytes.get_ref().len() as u64;
        Ok(Stat { length, modified_ms: 1, inode: None })
    }
    fn seek(&mut self, to: u64) -> io::Result<()> {
        self.bytes.set_position(to);
        Ok(())
    }
}

pub(super) fn input(bytes: &[u8], step: usize, packing: Packing) -> Input {
    let mut file = Memory { bytes: Cursor::new(bytes.to_vec()), step };
    let stat = file.stat().unwrap();
    let reading = Reading { buffer_bytes: 16, minimum_age_ms: 0, stop: Stop::default() };
    Input::new(Box::new(file), stat, packing, &reading, End::default()).unwrap()
}

/// All records, and what is wrong with what is behind them.
pub(super) fn read(
    format: &dyn Format,
    input: Input,
    from: Option<&Resume>,
) -> (Vec<Item>, Option<Fault>) {
    let mut items = Vec::new();
    let mut records = match format.open(input, from) {
        Ok(records) => records,
        Err(fault) => return (items, Some(fault)),
    };
    loop {
        match records.next() {
            Ok(Some(item)) => items.push(item),
            Ok(None) => return (items, None),
            Err(fault) => return (items, Some(fault)),
        }
    }
}

/// Behind a record.
pub(super) fn behind(item: &Item, position: bool) -> Resume {
    Resume {
        offset: item.offset,
        position: position.then_some(item.position),
        is_end: false,
        identity: None,
    }
}
