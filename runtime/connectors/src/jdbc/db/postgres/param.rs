//! Parameters of statements. All but bytes go as text, which the server reads as what the place is.

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres::types::{Format, IsNull, ToSql, Type};

use crate::jdbc::db::types::{Param, Wall, civil};

/// A parameter on its way.
#[derive(Debug)]
pub(super) struct Bound<'a>(pub(super) &'a Param);

impl ToSql for Bound<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let is_whole = matches!(*kind, Type::INT2 | Type::INT4 | Type::INT8);
        match self.0 {
            Param::Null => return Ok(IsNull::Yes),
            Param::Bytes(bytes) if *kind == Type::BYTEA => out.extend_from_slice(bytes),
            Param::Text(text) => out.extend_from_slice(text.as_bytes()),
            // As the server makes whole numbers of others.
            Param::Double(number) if is_whole && number.is_finite() => {
                out.extend_from_slice(format!("{:.0}", number.round_ties_even()).as_bytes());
            }
            Param::Float(number) if is_whole && number.is_finite() => {
                out.extend_from_slice(format!("{:.0}", number.round_ties_even()).as_bytes());
            }
            Param::Decimal(number) if is_whole && number.is_integer() => {
                let text = number.to_plain_string();
                let whole = text.split('.').next().unwrap_or_default();
                out.extend_from_slice(whole.as_bytes());
            }
            other => out.extend_from_slice(text(other).as_bytes()),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(kind, out)
    }

    fn encode_format(&self, kind: &Type) -> Format {
        match self.0 {
            Param::Bytes(_) if *kind == Type::BYTEA => Format::Binary,
            _ => Format::Text,
        }
    }
}

fn text(param: &Param) -> String {
    match param {
        Param::Null => "NULL".to_owned(),
        Param::Bool(flag) => flag.to_string(),
        Param::Int(number) => number.to_string(),
        Param::Float(number) => number.to_string(),
        Param::Double(number) => number.to_string(),
        Param::Text(text) => text.to_string(),
        Param::Bytes(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("\\x{}", digits.collect::<String>())
        }
        Param::Decimal(decimal) => decimal.to_plain_string(),
        Param::Date(days) => dated(Wall { seconds: days.saturating_mul(86_400), nanos: 0 }, None),
        Param::Time(nanos) => {
            let seconds = nanos.div_euclid(1_000_000_000);
            let micros = nanos.rem_euclid(1_000_000_000) / 1000;
            format!(
                "{:02}:{:02}:{:02}.{micros:06}",
                seconds / 3600,
                seconds / 60 % 60,
                seconds % 60
            )
        }
        Param::Moment(wall, offset) => dated(*wall, Some(*offset)),
        Param::List(list) => {
            let all: Vec<String> = list.iter().map(element).collect();
            format!("{{{}}}", all.join(","))
        }
    }
}

/// An element of an array, in quotes unless it is null.
fn element(param: &Param) -> String {
    match param {
        Param::Null => "NULL".to_owned(),
        other => format!("\"{}\"", text(other).replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

/// A date, or a moment with the zone that its clock is in: years before the first are counted back.
fn dated(wall: Wall, offset: Option<i32>) -> String {
    let (year, month, date) = civil(wall.day().0);
    let shown = if year <= 0 { 1 - year } else { year };
    let mut text = format!("{shown:04}-{month:02}-{date:02}");
    if let Some(offset) = offset {
        let sign = if offset < 0 { '-' } else { '+' };
        let seconds = offset.unsigned_abs();
        let clock = wall.text(' ', 6);
        let clock = clock.rsplit(' ').next().unwrap_or_default();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        text = format!("{text} {clock}{sign}{hours:02}:{minutes:02}:{:02}", seconds % 60);
    }
    if year <= 0 { text + " BC" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_the_server_reads() {
        let moment = Param::Moment(Wall { seconds: 0, nanos: 5_000 }, -5400);
        assert_eq!(text(&moment), "1970-01-01 00:00:00.000005-01:30:00");
        assert_eq!(text(&Param::Date(19_782)), "2024-02-29");
        assert_eq!(text(&Param::Date(-719_163)), "0001-12-31 BC");
        assert_eq!(text(&Param::Time(3_661_000_001_000)), "01:01:01.000001");
        let list = Param::List(vec![Param::Int(1), Param::Null, Param::Text("a\"\\b".into())]);
        assert_eq!(text(&list), r#"{"1",NULL,"a\"\\b"}"#);
    }
}
