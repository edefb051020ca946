//! Decimals, dates, times and timestamps as messages.

use bytes::Bytes;
use gantry_model::calendar::Fields;
use gantry_model::logical::{DAY_MS, Logical};
use gantry_model::{Decimal, Value};
use num_bigint::{BigInt, Sign};

use super::fault::{Fault, Outcome};
use super::names;

/// A timestamp must lie between these seconds since the epoch: the years 1 to 9999.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// Larger numbers are not rounded: to count their digits takes long.
const MAX_ROUNDED_BITS: u64 = 100_000;
const NANOS_PER_MS: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// The message that stands for a logical type.
pub(super) fn message_of(logical: Logical) -> &'static str {
    match logical {
        Logical::Decimal => names::DECIMAL,
        Logical::Date => names::DATE,
        Logical::Time => names::TIME,
        Logical::Timestamp => names::TIMESTAMP,
    }
}

/// The logical type that a message stands for.
pub(super) fn of_message(full_name: &str) -> Option<Logical> {
    [Logical::Decimal, Logical::Date, Logical::Time, Logical::Timestamp]
        .into_iter()
        .find(|logical| message_of(*logical) == full_name)
}

/// The fields of such a message.
pub(super) fn parts(logical: Logical) -> &'static [&'static str] {
    match logical {
        Logical::Decimal => &[names::VALUE, names::PRECISION, names::SCALE],
        Logical::Date => &["year", "month", "day"],
        Logical::Time => &["hours", "minutes", "seconds", "nanos"],
        Logical::Timestamp => &["seconds", "nanos"],
    }
}

/// The most fields that such a message has.
pub(super) const MAX_PARTS: usize = 4;

/// The value that the parts of a message say; a part that is null was not set.
pub(super) fn from_parts(logical: Logical, parts: &[Value; MAX_PARTS]) -> Outcome<Value> {
    let [first, second, third, fourth] = parts;
    match logical {
        Logical::Decimal => decimal(first, second, whole(third)),
        Logical::Date => date(whole(first), whole(second), whole(third)).map(Value::Date),
        Logical::Time => {
            time(whole(first), whole(second), whole(third), whole(fourth)).map(Value::Date)
        }
        Logical::Timestamp => timestamp(whole(first), whole(second)).map(Value::Date),
    }
}

fn whole(part: &Value) -> i64 {
    match part {
        Value::Int32(number) => i64::from(*number),
        Value::Int64(number) => *number,
        _ => 0,
    }
}

fn timestamp(seconds: i64, nanos: i64) -> Outcome<i64> {
    if !TIMESTAMP_SECONDS.contains(&seconds) || !(0..NANOS_PER_SECOND).contains(&nanos) {
        return Err(Fault::new(format!(
            "the timestamp is not valid: {seconds} seconds and {nanos} nanoseconds"
        )));
    }
    Ok(seconds * 1000 + nanos / NANOS_PER_MS)
}

fn date(year: i64, month: i64, day: i64) -> Outcome<i64> {
    let fields = Fields { year, month, day, ..Fields::EPOCH };
    let ms = fields.to_ms();
    if year < 1 || Fields::of(ms) != fields {
        return Err(Fault::new(format!("the date is not valid: {year}-{month}-{day}")));
    }
    Ok(ms)
}

fn time(hours: i64, minutes: i64, seconds: i64, nanos: i64) -> Outcome<i64> {
    let is_valid = (0..24).contains(&hours)
        && (0..60).contains(&minutes)
        && (0..60).contains(&seconds)
        && (0..NANOS_PER_SECOND).contains(&nanos);
    if !is_valid {
        return Err(Fault::new(format!(
            "the time is not valid: {hours}:{minutes}:{seconds} and {nanos} nanoseconds"
        )));
    }
    Ok(((hours * 60 + minutes) * 60 + seconds) * 1000 + nanos / NANOS_PER_MS)
}

fn decimal(value: &Value, precision: &Value, scale: i64) -> Outcome<Value> {
    let unscaled = match value {
        Value::Bytes(bytes) if !bytes.is_empty() => BigInt::from_signed_bytes_be(bytes),
        _ => return Err(Fault::new("the decimal has no digits: its value is empty")),
    };
    let scale = i32::try_from(scale).unwrap_or_default();
    let mut decimal = Decimal { unscaled, scale };
    let precision = u64::try_from(whole(precision)).unwrap_or_default();
    // A digit takes more than three bits: most numbers need not be counted.
    if precision > 0 && decimal.unscaled.bits() > precision.saturating_mul(3) {
        round(&mut decimal, precision)?;
    }
    Ok(Value::Decimal(decimal.into()))
}

/// Leaves so many digits, as Java does where a precision is given.
fn round(decimal: &mut Decimal, precision: u64) -> Outcome<()> {
    if decimal.unscaled.bits() > MAX_ROUNDED_BITS {
        return Err(Fault::new("the decimal has far more digits than its precision says"));
    }
    loop {
        let digits = decimal.precision() as u64;
        let Some(surplus) = digits.checked_sub(precision).filter(|surplus| *surplus > 0) else {
            return Ok(());
        };
        let power = u32::try_from(surplus).ok();
        let scale = i32::try_from(i64::from(decimal.scale) - surplus.cast_signed()).ok();
        let (Some(power), Some(scale)) = (power, scale) else {
            return Err(Fault::new("the decimal has too many digits"));
        };
        let power = BigInt::from(10).pow(power);
        let half = match decimal.unscaled.sign() {
            Sign::Minus => -(&power / 2u32),
            _ => &power / 2u32,
        };
        decimal.unscaled = (&decimal.unscaled + half) / power;
        decimal.scale = scale;
    }
}

/// The parts of a value; those beyond the parts of its message are 0.
#[derive(Debug)]
pub(super) enum Parts {
    Numbers([i64; MAX_PARTS]),
    Decimal { digits: Bytes, precision: i64, scale: i64 },
}

pub(super) fn to_parts(logical: Logical, value: &Value) -> Outcome<Parts> {
    match (logical, value) {
        (Logical::Decimal, Value::Decimal(decimal)) => Ok(Parts::Decimal {
            digits: decimal.unscaled.to_signed_bytes_be().into(),
            precision: decimal.precision() as i64,
            scale: i64::from(decimal.scale),
        }),
        (Logical::Date, Value::Date(ms)) => {
            if ms % DAY_MS != 0 {
                return Err(Fault::new(
                    "Kafka Connect Date type should not have any time fields set to non-zero \
                     values.",
                ));
            }
            let fields = Fields::of(*ms);
            Ok(Parts::Numbers([fields.year_of_era(), fields.month, fields.day, 0]))
        }
        (Logical::Time, Value::Date(ms)) => {
            if !(0..=DAY_MS).contains(ms) {
                return Err(Fault::new(
                    "Time values must use number of millis greater than 0 and less than 86400000",
                ));
            }
            let fields = Fields::of(*ms);
            let nanos = fields.millisecond * NANOS_PER_MS;
            Ok(Parts::Numbers([fields.hour, fields.minute, fields.second, nanos]))
        }
        (Logical::Timestamp, Value::Date(ms)) => {
            let (seconds, nanos) = (ms.div_euclid(1000), ms.rem_euclid(1000) * NANOS_PER_MS);
            timestamp(seconds, nanos)?;
            Ok(Parts::Numbers([seconds, nanos, 0, 0]))
        }
        _ => {
            let (name, expected) = match logical {
                Logical::Decimal => ("Decimal", "BigDecimal"),
                Logical::Date => ("Date", "Date"),
                Logical::Time => ("Time", "Date"),
                Logical::Timestamp => ("Timestamp", "Date"),
            };
            let class = value.java_class().unwrap_or("null");
            Err(Fault::new(format!(
                "Invalid type for {name}, expected {expected} but was class {class}"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(numbers: [i64; MAX_PARTS]) -> [Value; MAX_PARTS] {
        numbers.map(Value::Int64)
    }

    #[test]
    fn there_and_back() {
        for (logical, ms) in [
            (Logical::Timestamp, 1_709_208_000_123),
            (Logical::Timestamp, -1),
            (Logical::Timestamp, -62_135_596_800_000),
            (Logical::Date, 19_782 * DAY_MS),
            (Logical::Date, -200_000 * DAY_MS),
            (Logical::Time, 3_723_004),
            (Logical::Time, 0),
        ] {
            let Parts::Numbers(numbers) = to_parts(logical, &Value::Date(ms)).unwrap() else {
                panic!("numbers")
            };
            assert_eq!(from_parts(logical, &parts(numbers)).unwrap(), Value::Date(ms));
        }
        // The end of a day is its beginning.
        let Parts::Numbers(end) = to_parts(Logical::Time, &Value::Date(DAY_MS)).unwrap() else {
            panic!("numbers")
        };
        assert_eq!(end, [0; MAX_PARTS]);
    }

    #[test]
    fn what_is_no_date_or_time() {
        for numbers in [[0, 1, 1, 0], [2023, 2, 29, 0], [2024, 13, 1, 0], [1582, 10, 10, 0]] {
            assert!(from_parts(Logical::Date, &parts(numbers)).is_err(), "{numbers:?}");
        }
        assert!(from_parts(Logical::Date, &parts([2024, 2, 29, 0])).is_ok());
        for numbers in [[24, 0, 0, 0], [0, 60, 0, 0], [0, 0, -1, 0], [0, 0, 0, 1_000_000_000]] {
            assert!(from_parts(Logical::Time, &parts(numbers)).is_err(), "{numbers:?}");
        }
        for numbers in [[253_402_300_800, 0, 0, 0], [0, -1, 0, 0], [i64::MIN, 0, 0, 0]] {
            assert!(from_parts(Logical::Timestamp, &parts(numbers)).is_err(), "{numbers:?}");
        }
        assert!(to_parts(Logical::Date, &Value::Date(1)).is_err());
        assert!(to_parts(Logical::Timestamp, &Value::Date(i64::MAX)).is_err());
        assert!(to_parts(Logical::Time, &Value::Date(DAY_MS + 1)).is_err());
        assert!(to_parts(Logical::Time, &Value::Int32(1)).is_err());
    }

    #[test]
    fn decimals_have_no_more_digits_than_their_precision() {
        let read = |text: &str, precision| {
            let decimal: Decimal = text.parse().unwrap();
            let digits = Value::Bytes(decimal.unscaled.to_signed_bytes_be().into());
            let scale = Value::Int32(decimal.scale);
            let parts = [digits, Value::Int64(precision), scale, Value::Null];
            match from_parts(Logical::Decimal, &parts).unwrap() {
                Value::Decimal(read) => read.to_string(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(read("123.45", 5), "123.45");
        assert_eq!(read("123.45", 0), "123.45");
        assert_eq!(read("123.45", 4), "123.5");
        assert_eq!(read("-999.96", 4), "-1000");
        assert_eq!(read("99999", 2), "1.0E+5");
        assert!(from_parts(Logical::Decimal, &[const { Value::Null }; MAX_PARTS]).is_err());
    }
}
