//! What the catalog says of a column's default, as a value: literals only, as expressions are the server's.

use gantry_api::Value;

use super::types::{Modes, PgType};
use super::value::read;

/// Types whose defaults are in schemas.
fn has_defaults(of: &PgType, name: &str) -> bool {
    match of {
        PgType::Bool
        | PgType::Bits(_)
        | PgType::Int16
        | PgType::Int32
        | PgType::Float32
        | PgType::Float64
        | PgType::Numeric(_)
        | PgType::Characters(_)
        | PgType::Date
        | PgType::Time(_)
        | PgType::Timestamp(_)
        | PgType::TimestampZoned(_)
        | PgType::Interval
        | PgType::Enum(_) => true,
        PgType::Int64 => name != "oid",
        PgType::Text(_) => ["text", "json", "jsonb", "xml", "uuid"].contains(&name),
        _ => false,
    }
}

/// What a function's result is shown as.
fn of_function(of: &PgType) -> &'static str {
    match of {
        PgType::Bool => "f",
        PgType::Bits(_) => "0",
        PgType::Text(Some("io.debezium.data.Json")) => "{}",
        PgType::Text(Some("io.debezium.data.Uuid")) => "00000000-0000-0000-0000-000000000000",
        PgType::Text(_) | PgType::Characters(_) => "",
        PgType::Date => "1970-01-01",
        PgType::Time(_) => "00:00:00",
        PgType::Timestamp(_) => "1970-01-01 00:00:00",
        PgType::TimestampZoned(_) => "1970-01-01 00:00:00+00",
        PgType::Interval => "PT0S",
        _ => "0",
    }
}

/// Whether the expression begins as a call of a function, or as one of those that need no parentheses.
fn is_function(expression: &str) -> bool {
    const PLAIN: [&str; 5] =
        ["current_timestamp", "current_time", "current_date", "localtime", "localtimestamp"];
    if PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(expression)) {
        return true;
    }
    let expression = expression.strip_prefix('(').unwrap_or(expression);
    let end = expression
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
        .unwrap_or(expression.len());
    end > 0
        && expression.get(end..).is_some_and(|rest| rest.starts_with('('))
        && expression.contains(')')
}

/// The text of a literal.
fn literal(expression: &str) -> String {
    let Some(start) = expression.find('\'') else { return expression.to_owned() };
    let mut text = String::new();
    let mut chars = expression[start + 1..].chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\'', Some('\'')) => {
                text.push('\'');
                chars.next();
            }
            ('\'', _) => break,
            (c, _) => text.push(c),
        }
    }
    text
}

/// The default as a value of the column's schema. None where it has none that can be said.
pub(super) fn value(
    of: &PgType,
    type_name: &str,
    expression: &str,
    modes: &Modes,
) -> Option<Value> {
    let expression = expression.trim();
    if !has_defaults(of, type_name) || expression.starts_with("NULL::") {
        return None;
    }
    // A number in another scale than the column's is a struct, which cannot be a default.
    let is_struct = matches!(of, PgType::Numeric(None))
        && modes.decimals == super::super::config::Decimals::Precise;
    if is_struct {
        return None;
    }
    let is_enum = matches!(of, PgType::Enum(_));
    let text = match is_function(expression) {
        true if is_enum => return None,
        true => of_function(of).to_owned(),
        false => literal(expression),
    };
    let text = match of {
        PgType::Bool => {
            if text.eq_ignore_ascii_case("true") || text == "t" { "t" } else { "f" }.to_owned()
        }
        PgType::Enum(labels) if !labels.contains(&text) => return None,
        PgType::TimestampZoned(_)
            if !text.contains(['+', 'Z']) && text.matches('-').count() < 3 =>
        {
            format!("{text}+00")
        }
        PgType::Interval => interval(&text)?,
        _ => text,
    };
    let read = read(of, text.as_bytes(), modes);
    if read.is_err() {
        tracing::warn!(
            "Cannot parse column default value '{text}' to type '{type_name}'. Expression evaluation is not supported."
        );
    }
    read.ok()
}

/// `01:02:03` and ISO 8601's form; others are not read.
fn interval(text: &str) -> Option<String> {
    if text.starts_with('P') {
        return Some(text.to_owned());
    }
    let mut parts = text.split(':').map(|part| part.parse::<f64>().is_ok().then_some(part));
    match (parts.next()?, parts.next()??, parts.next()??) {
        (Some(hours), minutes, seconds) => Some(format!("PT{hours}H{minutes}M{seconds}S")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdc::config::{Binaries, Decimals, Times};

    fn of(of: &PgType, name: &str, expression: &str) -> Option<Value> {
        let modes = Modes {
            decimals: Decimals::Precise,
            binaries: Binaries::Bytes,
            times: Times::Adaptive,
            intervals_as_text: false,
            hstore_as_map: false,
            money_digits: 2,
            unknown: false,
        };
        value(of, name, expression, &modes)
    }

    #[test]
    fn literals_are_values_and_functions_zeros() {
        assert_eq!(of(&PgType::Int32, "int4", "42"), Some(Value::Int32(42)));
        assert_eq!(of(&PgType::Int32, "int4", "'-1'::integer"), Some(Value::Int32(-1)));
        assert_eq!(of(&PgType::Int32, "int4", "nextval('s'::regclass)"), Some(Value::Int32(0)));
        assert_eq!(of(&PgType::Int32, "int4", "(1 + 2)"), None);
        let text = PgType::Text(None);
        assert_eq!(of(&text, "text", "'it''s'::text"), Some(Value::str("it's")));
        assert_eq!(of(&text, "text", "NULL::text"), None);
        assert_eq!(of(&text, "inet", "'::1'::inet"), None);
        assert_eq!(of(&PgType::Bool, "bool", "true"), Some(Value::Boolean(true)));
        assert_eq!(
            of(&PgType::TimestampZoned(6), "timestamptz", "now()"),
            Some(Value::str("1970-01-01T00:00:00.000000Z"))
        );
        assert_eq!(
            of(&PgType::Timestamp(6), "timestamp", "CURRENT_TIMESTAMP"),
            Some(Value::Int64(0))
        );
        assert_eq!(of(&PgType::Numeric(None), "numeric", "1"), None);
        let labels = PgType::Enum(vec!["a".to_owned(), "b".to_owned()].into());
        assert_eq!(of(&labels, "mood", "'b'::mood"), Some(Value::str("b")));
        assert_eq!(of(&labels, "mood", "'c'::mood"), None);
    }
}
