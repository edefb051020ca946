//! Where the bytes of stores are.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, DB, DBCompressionType, Direction, IteratorMode,
    Options, WriteBatch, WriteOptions,
};

use crate::error::StreamsError;

/// What is written at once: all of it, or nothing.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Entries that are now this, or gone.
    pub(crate) entries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// All entries from here to before there are gone; before `entries` are written.
    pub(crate) ranges: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Each entry of a scan; false ends it.
pub(crate) type Each<'a> = dyn FnMut(&[u8], &[u8]) -> Result<bool, StreamsError> + 'a;

/// Bytes by bytes, in order.
pub(crate) trait Backend: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError>;
    /// From a key up to before another one.
    fn scan(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StreamsError>;
    fn write(&self, batch: Batch) -> Result<(), StreamsError>;
}

/// In memory, for tests and for state that need not outlive the process.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

impl Backend for Memory {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StreamsError> {
        if from >= to {
            return Ok(());
        }
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, value) in map.range(from.to_vec()..to.to_vec()) {
            if !each(key, value)? {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, batch: Batch) -> Result<(), StreamsError> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (from, to) in batch.ranges {
            let gone: Vec<Vec<u8>> = map.range(from..to).map(|(key, _)| key.clone()).collect();
            gone.iter().for_each(|key| {
                map.remove(key);
            });
        }
        for (key, value) in batch.entries {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(&key),
            };
        }
        Ok(())
    }
}

/// In RocksDB: one database for all tasks of an instance.
pub(crate) struct Disk {
    db: DB,
    dir: PathBuf,
    /// Without a change log, RocksDB's own log makes a write durable; with one, the change log does.
    write: fn() -> WriteOptions,
}

/// Bytes of a memtable: larger ones make replay and overwriting cheap.
const MEMTABLE_BYTES: usize = 16 << 20;
/// Bits of a Bloom filter for each key: about one false hit in a hundred.
const BLOOM_BITS: f64 = 10.0;
/// The part of a memtable that its Bloom filter may have.
const MEMTABLE_BLOOM: f64 = 0.02;
/// Bytes of a piece of an index or a filter.
const METADATA_BYTES: usize = 16 << 10;

impl Disk {
    /// Opens the database in a directory, or begins one.
    pub(crate) fn open(
        dir: &Path,
        block_cache_bytes: usize,
        lasts: Lasts,
    ) -> Result<Self, StreamsError> {
        let mut blocks = BlockBasedOptions::default();
        blocks.set_block_cache(&Cache::new_lru_cache(block_cache_bytes));
        blocks.set_bloom_filter(BLOOM_BITS, false);
        // In pieces: one that is larger than a part of the cache would be read from disk each time.
        blocks.set_partition_filters(true);
        blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
        blocks.set_metadata_block_size(METADATA_BYTES);
        blocks.set_cache_index_and_filter_blocks(true);
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
        blocks.set_pin_top_level_index_and_filter(true);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.set_block_based_table_factory(&blocks);
        options.set_compression_type(DBCompressionType::Lz4);
        options.set_write_buffer_size(MEMTABLE_BYTES);
        options.set_max_write_buffer_number(3);
        // A key that is nowhere is asked for as often as one that is there.
        options.set_memtable_prefix_bloom_ratio(MEMTABLE_BLOOM);
        options.set_memtable_whole_key_filtering(true);
        options.set_max_background_jobs(2);
        options.set_keep_log_file_num(2);
        options.set_max_open_files(512);
        let db = DB::open(&options, dir).map_err(|error| fault(dir, &error))?;
        let write = match lasts {
            Lasts::NotYet => || logged(false, false),
            Lasts::BeyondProcess => || logged(true, false),
            Lasts::BeyondMachine => || logged(true, true),
        };
        Ok(Self { db, dir: dir.to_owned(), write })
    }
}

/// What a write outlives, once it is done.
#[derive(Clone, Copy)]
pub(crate) enum Lasts {
    /// Nothing, until RocksDB writes its memtable: a change log has it too.
    NotYet,
    /// That the process is killed: what has it too need not keep it for long.
    BeyondProcess,
    /// That the machine stops: there is nothing else.
    BeyondMachine,
}

fn logged(by_itself: bool, synced: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.disable_wal(!by_itself);
    options.set_sync(synced);
    options
}

fn fault(dir: &Path, error: &rocksdb::Error) -> StreamsError {
    StreamsError::state(dir, error)
}

impl Backend for Disk {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StreamsError> {
        self.db.get(key).map_err(|error| fault(&self.dir, &error))
    }

    fn scan(&self, from: &[u8], to: &[u8], each: &mut Each<'_>) -> Result<(), StreamsError> {
        for entry in self.db.iterator(IteratorMode::From(from, Direction::Forward)) {
            let (key, value) = entry.map_err(|error| fault(&self.dir, &error))?;
            if &*key >= to || !each(&key, &value)? {
                break;
            }
        }
        Ok(())
    }

    fn write(&self, batch: Batch) -> Result<(), StreamsError> {
        let mut all = WriteBatch::default();
        for (from, to) in batch.ranges {
            all.delete_range(from, to);
        }
        for (key, value) in batch.entries {
            match value {
                Some(value) => all.put(key, value),
                None => all.delete(key),
            }
        }
        self.db.write_opt(all, &(self.write)()).map_err(|error| fault(&self.dir, &error))
    }
}
