//! The time of a record, by which it is partitioned.

use gantry_api::{Error, Kind, Result, SinkRecord, Value};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::nested_any;

/// The classes that `timestamp.extractor` may name.
#[derive(Clone, Debug)]
pub(in crate::objects) enum Extractor {
    Wallclock,
    Record,
    /// The field of that name.
    Field(String),
}

impl Extractor {
    /// By its short name, or its Java class.
    pub(in crate::objects) fn by_name(name: &str, field: &str) -> Option<Self> {
        const PACKAGE: &str = "io.confluent.connect.storage.partitioner.TimeBasedPartitioner$";
        let short =
            name.strip_prefix(PACKAGE).and_then(|rest| rest.strip_suffix("TimestampExtractor"));
        Some(match short.unwrap_or(name) {
            "Wallclock" => Self::Wallclock,
            "Record" => Self::Record,
            "RecordField" => Self::Field(field.to_owned()),
            _ => return None,
        })
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Wallclock => "Wallclock",
            Self::Record => "Record",
            Self::Field(_) => "RecordField",
        }
    }

    /// Milliseconds since the epoch; none where the record has no time.
    pub(super) fn extract(&self, record: &SinkRecord, now_ms: i64) -> Result<Option<i64>> {
        match self {
            Self::Wallclock => Ok(Some(now_ms)),
            Self::Record => Ok(record.record.timestamp_ms),
            Self::Field(path) => of_field(path, record).map(Some),
        }
    }
}

fn of_field(path: &str, record: &SinkRecord) -> Result<i64> {
    let wrong = |what: &str| {
        Error::data(format!("Error extracting timestamp from record field: {path}: {what}"))
    };
    let (kind, value) = nested_any(&record.record.value, path)?;
    match (kind, value) {
        (_, Value::Date(ms)) => Ok(*ms),
        (None | Some(Kind::Int32 | Kind::Int64), Value::Int32(n)) => Ok((*n).into()),
        (_, Value::Int64(n)) => Ok(*n),
        (None, Value::Int8(n)) => Ok((*n).into()),
        (None, Value::Int16(n)) => Ok((*n).into()),
        (None, Value::Float64(n)) => Ok(*n as i64),
        (None, Value::Float32(n)) => Ok(*n as i64),
        (_, Value::String(text)) => {
            parse(text).ok_or_else(|| wrong(&format!("{text:?} is no time")))
        }
        (_, Value::Null) => Err(wrong("it is null")),
        (_, other) => Err(wrong(&format!("{} is no time", other.java_class().unwrap_or("null")))),
    }
}

/// Digits are milliseconds; all else a date with or without a time, in UTC if it does not say where.
fn parse(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if (1..=19).contains(&digits.len())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && let Ok(number) = text.parse()
    {
        return Some(number);
    }
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_millisecond());
    }
    let wall: DateTime = text.parse().ok()?;
    TimeZone::UTC.to_timestamp(wall).ok().map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn texts_are_times() {
        assert_eq!(parse("1700000000000"), Some(1_700_000_000_000));
        assert_eq!(parse("-5"), Some(-5));
        assert_eq!(parse("2023-11-14T22:13:20Z"), Some(1_700_000_000_000));
        assert_eq!(parse("2023-11-15T00:13:20.250+02:00"), Some(1_700_000_000_250));
        assert_eq!(parse("2023-11-14T22:13:20"), Some(1_700_000_000_000));
        assert_eq!(parse("2023-11-14"), Some(1_699_920_000_000));
        assert_eq!(parse("soon"), None);
    }
}
