//! Parquet files, in the form that Java's `AvroParquetWriter` gives them.

mod column;
mod schema;
mod shred;

use std::sync::Arc;

use gantry_api::{Bytes, Error, Result, Schema};
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;

use super::{FileEncoder, Item};
use column::Column;
use schema::Plan;
use shred::Step;

/// A group of rows is written when its columns have so many bytes in memory.
const ROW_GROUP_BYTES: usize = 32 << 20;
const PAGE_BYTES: usize = 64 * 1024;

/// How pages are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::objects) enum ParquetCodec {
    None,
    Snappy,
    Gzip,
    Zstd,
    Lz4Raw,
}

impl ParquetCodec {
    /// By the name of `parquet.codec`.
    pub(in crate::objects) fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "snappy" => Self::Snappy,
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            "lz4_raw" => Self::Lz4Raw,
            _ => return None,
        })
    }

    /// What stands before `.parquet` in names of files.
    pub(in crate::objects) fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Snappy => ".snappy",
            Self::Gzip => ".gz",
            Self::Zstd => ".zstd",
            Self::Lz4Raw => ".lz4raw",
        }
    }

    fn compression(self) -> Compression {
        match self {
            Self::None => Compression::UNCOMPRESSED,
            Self::Snappy => Compression::SNAPPY,
            Self::Gzip => Compression::GZIP(GzipLevel::default()),
            Self::Zstd => Compression::ZSTD(ZstdLevel::default()),
            Self::Lz4Raw => Compression::LZ4_RAW,
        }
    }
}

/// A file of structs of one schema.
pub(in crate::objects) struct ParquetFile {
    step: Step,
    columns: Vec<Column>,
    /// What each column had before the staged record.
    marks: Vec<(usize, usize)>,
    rows: usize,
    bytes: usize,
    writer: SerializedFileWriter<Vec<u8>>,
}

impl std::fmt::Debug for ParquetFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParquetFile({} rows)", self.rows)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn failed(error: ParquetError) -> Error {
    Error::connect(format!("Writing a Parquet file failed: {error}"))
}

impl ParquetFile {
    /// `avro` is the same schema as Avro's, which Java puts into the file and reads from it.
    pub(in crate::objects) fn new(
        schema: &Schema,
        avro: &str,
        codec: ParquetCodec,
    ) -> Result<Self> {
        let Plan { root, step, columns } = schema::plan(schema)?;
        let properties = WriterProperties::builder()
            .set_compression(codec.compression())
            .set_data_page_size_limit(PAGE_BYTES)
            .set_created_by("gantry".to_owned())
            .set_key_value_metadata(Some(vec![
                KeyValue::new("parquet.avro.schema".to_owned(), avro.to_owned()),
                KeyValue::new("writer.model.name".to_owned(), "avro".to_owned()),
            ]))
            .build();
        let writer = SerializedFileWriter::new(Vec::new(), root, Arc::new(properties));
        let writer = writer.map_err(failed)?;
        Ok(Self { step, columns, marks: Vec::new(), rows: 0, bytes: 0, writer })
    }

    fn end_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let writer = group.next_column().map_err(failed)?;
            let mut writer =
                writer.ok_or_else(|| Error::connect("a Parquet file lacks a column"))?;
            column.write(&mut writer).map_err(failed)?;
            writer.close().map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.writer.flush().map_err(|error| super::output::failed(&error))?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }
}

impl FileEncoder for ParquetFile {
    fn stage(&mut self, item: Item<'_>) -> Result<()> {
        self.marks.clear();
        self.marks.extend(self.columns.iter().map(Column::mark));
        let staged = shred::write(&self.step, &item.datum.value, 0, &mut self.columns);
        staged.map_err(|fault| {
            self.forget();
            fault.into_error()
        })
    }

    fn keep(&mut self) -> Result<()> {
        for (column, mark) in self.columns.iter().zip(self.marks.drain(..)) {
            self.bytes += column.bytes_since(mark);
        }
        self.rows += 1;
        if self.bytes >= ROW_GROUP_BYTES { self.end_group() } else { Ok(()) }
    }

    fn forget(&mut self) {
        for (column, mark) in self.columns.iter_mut().zip(self.marks.drain(..)) {
            column.truncate(mark);
        }
    }

    fn held(&self) -> usize {
        self.bytes + self.writer.inner().len()
    }

    fn take(&mut self, bytes: usize) -> Option<Bytes> {
        let ready = self.writer.inner_mut();
        if ready.len() < bytes {
            return None;
        }
        let rest = ready.split_off(bytes);
        Some(std::mem::replace(ready, rest).into())
    }

    fn finish(&mut self) -> Result<Bytes> {
        self.end_group()?;
        self.writer.finish().map_err(failed)?;
        self.writer.flush().map_err(|error| super::output::failed(&error))?;
        Ok(std::mem::take(self.writer.inner_mut()).into())
    }
}

#[cfg(test)]
mod tests;
