//! Where a table or a query was read to.

use bytes::Bytes;
use gantry_api::{OffsetMap, OffsetReader, SourceOffset, SourcePartition, Str};
use serde_json::Value as Json;

use crate::jdbc::db::{TableId, Wall};

const INCREMENTING: &str = "incrementing";
const TIMESTAMP: &str = "timestamp";
const NANOS: &str = "timestamp_nanos";
const TABLE: &str = "table";
const PROTOCOL: &str = "protocol";
const QUERY: &str = "query";
/// The flags of what stands in the bytes of an offset, and how long they are.
const HAS_NUMBER: u8 = 1;
const HAS_TIME: u8 = 2;
const BYTES: usize = 1 + 8 + 8 + 4;

/// An offset: the number and the moment, in UTC, of the last row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) number: Option<i64>,
    pub(super) time: Option<Wall>,
}

impl Offset {
    /// As it is stored.
    pub(super) fn read(map: &OffsetMap) -> Self {
        let long = |name: &str| map.get(name).and_then(Json::as_i64);
        let time = long(TIMESTAMP).map(|ms| {
            let whole = Wall::from_ms(ms);
            // The nanoseconds of the second, with its milliseconds.
            let nanos = long(NANOS).and_then(|nanos| u32::try_from(nanos).ok());
            Wall { nanos: nanos.unwrap_or(whole.nanos), ..whole }
        });
        Self { number: long(INCREMENTING), time }
    }

    /// For a record.
    pub(super) fn stored(self, number_name: &Str) -> SourceOffset {
        match (self.number, self.time) {
            (Some(number), None) => SourceOffset::Number(Str::clone(number_name), number),
            (number, time) => {
                let mut bytes = [0; BYTES];
                bytes[0] = number.map_or(0, |_| HAS_NUMBER) | time.map_or(0, |_| HAS_TIME);
                bytes[1..9].copy_from_slice(&number.unwrap_or(0).to_le_bytes());
                let time = time.unwrap_or(Wall { seconds: 0, nanos: 0 });
                bytes[9..17].copy_from_slice(&time.seconds.to_le_bytes());
                bytes[17..].copy_from_slice(&time.nanos.to_le_bytes());
                SourceOffset::Encoded { bytes: Bytes::copy_from_slice(&bytes), decode }
            }
        }
    }

    /// The name under which a number is stored.
    pub(super) fn number_name() -> Str {
        INCREMENTING.into()
    }
}

fn decode(bytes: &Bytes) -> OffsetMap {
    let mut map = OffsetMap::new();
    let Ok(bytes) = <[u8; BYTES]>::try_from(&bytes[..]) else { return map };
    let eight = |at: usize| {
        let mut number = [0; 8];
        number.copy_from_slice(&bytes[at..at + 8]);
        i64::from_le_bytes(number)
    };
    if bytes[0] & HAS_NUMBER != 0 {
        map.insert(INCREMENTING.to_owned(), Json::from(eight(1)));
    }
    if bytes[0] & HAS_TIME != 0 {
        let mut nanos = [0; 4];
        nanos.copy_from_slice(&bytes[17..]);
        let time = Wall { seconds: eight(9), nanos: u32::from_le_bytes(nanos) };
        map.insert(TIMESTAMP.to_owned(), Json::from(time.ms()));
        map.insert(NANOS.to_owned(), Json::from(time.nanos));
    }
    map
}

/// The partition of a query.
pub(super) fn of_query() -> SourcePartition {
    SourcePartition::of(QUERY, QUERY)
}

/// The partition of a table that is read in full each time.
pub(super) fn of_bulk(table: &TableId) -> SourcePartition {
    SourcePartition::of(TABLE, &table.name)
}

/// The partition of a table.
pub(super) fn of_table(table: &TableId) -> SourcePartition {
    let mut map = OffsetMap::new();
    map.insert(PROTOCOL.to_owned(), Json::from("1"));
    map.insert(TABLE.to_owned(), Json::from(table.to_string()));
    SourcePartition::new(map)
}

/// What is stored of a table: as it is stored now, or as it was before names were in full.
pub(super) fn find(offsets: &dyn OffsetReader, table: &TableId) -> Option<Offset> {
    let now = offsets.offset(&of_table(table));
    now.or_else(|| offsets.offset(&of_bulk(table))).map(|map| Offset::read(&map))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_kafkas() {
        let name = Offset::number_name();
        let time = Wall { seconds: 1_700_000_000, nanos: 123_456_789 };
        for offset in [
            Offset::default(),
            Offset { number: Some(-5), time: None },
            Offset { number: None, time: Some(time) },
            Offset { number: Some(7), time: Some(Wall { seconds: -1, nanos: 5 }) },
        ] {
            assert_eq!(Offset::read(&offset.stored(&name).to_map()), offset);
        }
        let both = Offset { number: Some(7), time: Some(time) }.stored(&name).to_map();
        let text = Json::Object(both).to_string();
        assert_eq!(
            text,
            r#"{"incrementing":7,"timestamp":1700000000123,"timestamp_nanos":123456789}"#
        );
        let old: OffsetMap = serde_json::from_str(r#"{"timestamp":1700000000123}"#).unwrap();
        assert_eq!(Offset::read(&old).time.unwrap().nanos, 123_000_000);
        let table = TableId { catalog: Some("shop".into()), schema: None, name: "orders".into() };
        assert_eq!(&**of_table(&table).canonical(), r#"{"protocol":"1","table":"shop.orders"}"#);
    }
}
