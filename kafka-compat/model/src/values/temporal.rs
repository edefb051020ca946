//! Dates, times and timestamps in the three fixed forms, read as leniently as Java's
//! `SimpleDateFormat` does.

use std::sync::LazyLock;

use crate::calendar::Fields;
use crate::date_number;
use crate::logical;
use crate::schema::Schema;
use crate::value::{Datum, Value};

/// `HH:mm:ss.SSSZ`
const TIME_LENGTH: usize = 13;
/// `yyyy-MM-ddTHH:mm:ss.SSSZ`
const TIMESTAMP_LENGTH: usize = 24;
/// `yyyy-MM-dd`
const DATE_LENGTH: usize = 10;

static DATE: LazyLock<Schema> = LazyLock::new(|| logical::date().build_plain());
static TIME: LazyLock<Schema> = LazyLock::new(|| logical::time().build_plain());
static TIMESTAMP: LazyLock<Schema> = LazyLock::new(|| logical::timestamp().build_plain());

/// Schema of Date, required.
pub(super) fn date_schema() -> Schema {
    Schema::clone(&DATE)
}
/// Schema of Time, required.
pub(super) fn time_schema() -> Schema {
    Schema::clone(&TIME)
}

/// The date, time or timestamp that a text is. Its length says which is tried.
pub(super) fn parse_temporal(token: &str) -> Option<Datum> {
    // Colons may have been escaped to stay one token.
    let unescaped;
    let text = if token.contains("\\:") {
        unescaped = token.replace("\\:", ":");
        &unescaped
    } else {
        token
    };
    let length = if text.is_ascii() { text.len() } else { text.encode_utf16().count() };
    let (schema, pattern) = match length {
        TIME_LENGTH => (&TIME, "H:m:s.SZ"),
        TIMESTAMP_LENGTH => (&TIMESTAMP, "y-M-dTH:m:s.SZ"),
        DATE_LENGTH => (&DATE, "y-M-d"),
        _ => return None,
    };
    let ms = read(text, pattern)?.to_ms();
    Some(Datum::new(Schema::clone(schema), Value::Date(ms)))
}

/// Reads fields (`y M d H m s S`) and literal characters. What follows is ignored.
fn read(text: &str, pattern: &str) -> Option<Fields> {
    let mut fields = Fields::EPOCH;
    let mut rest = text;
    for part in pattern.chars() {
        let slot = match part {
            'y' => &mut fields.year,
            'M' => &mut fields.month,
            'd' => &mut fields.day,
            'H' => &mut fields.hour,
            'm' => &mut fields.minute,
            's' => &mut fields.second,
            'S' => &mut fields.millisecond,
            literal => {
                rest = rest.strip_prefix(literal)?;
                continue;
            }
        };
        let number = rest.trim_start_matches([' ', '\t']);
        let (value, length) = date_number::read(number)?;
        *slot = i64::from(value);
        rest = number.get(length..)?;
    }
    Some(fields)
}
