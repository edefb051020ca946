//! The headers that say which file a record is from.

use gantry_api::model::logical;
use gantry_api::{Datum, Header, Headers, Schema, Value};

use super::place::Entry;

const OFFSET_AT: usize = 5;

/// Headers of one file, of which only the offset is each record's own.
#[derive(Clone, Debug)]
pub(crate) struct FileHeaders {
    headers: Headers,
}

fn text(key: &str, value: &str) -> Header {
    Header { key: key.into(), datum: Datum::new(Schema::string(), Value::str(value)) }
}

fn number(key: &str, value: i64) -> Header {
    Header { key: key.into(), datum: Datum::new(Schema::int64(), Value::Int64(value)) }
}

impl FileHeaders {
    pub(crate) fn new(entry: &Entry, full_path: &str) -> Self {
        let stem = entry.name.rsplit_once('.').map_or(entry.name.as_str(), |(stem, _)| stem);
        let parent = full_path.rsplit('/').nth(1).unwrap_or_default();
        let modified = Header {
            key: "file.last.modified".into(),
            datum: Datum::new(
                logical::timestamp().build_plain(),
                Value::Date(entry.stat.modified_ms),
            ),
        };
        let mut headers = vec![
            text("file.name", &entry.name),
            text("file.name.without.extension", stem),
            text("file.path", full_path),
            text("file.parent.dir.name", parent),
            number("file.length", i64::try_from(entry.stat.length).unwrap_or(i64::MAX)),
            number("file.offset", 0),
            modified,
        ];
        headers.extend(entry.folder.as_deref().map(|folder| text("file.relative.path", folder)));
        Self { headers }
    }

    /// The headers of a record.
    pub(crate) fn at(&self, offset: i64) -> Headers {
        let mut headers = self.headers.clone();
        if let Some(header) = headers.get_mut(OFFSET_AT) {
            header.datum.value = Value::Int64(offset);
        }
        headers
    }
}
