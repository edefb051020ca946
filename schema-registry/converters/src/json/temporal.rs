//! Dates and times as the `toString` of Java's `java.time` writes them.

const DAY_NS: i128 = 86_400_000_000_000;

/// `LocalDate` of a day since the epoch.
pub(crate) fn date(days: i128) -> String {
    // Years begin in March here, so that the leap day is their last, and come in eras of 400.
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i128::from(month <= 2);
    let sign = match year {
        ..0 => "-",
        0..=9999 => "",
        _ => "+",
    };
    format!("{sign}{:04}-{month:02}-{day:02}", year.abs())
}

/// `LocalTime` of a nanosecond of the day; `None` if a day has not so many.
pub(crate) fn time(nanos: i64) -> Option<String> {
    let nanos = i128::from(nanos);
    (0..DAY_NS).contains(&nanos).then(|| clock(nanos, false))
}

/// `LocalDateTime` of a nanosecond since the epoch.
pub(crate) fn local(nanos: i128) -> String {
    format!("{}T{}", date(nanos.div_euclid(DAY_NS)), clock(nanos.rem_euclid(DAY_NS), false))
}

/// `Instant` of a nanosecond since the epoch.
pub(crate) fn instant(nanos: i128) -> String {
    format!("{}T{}Z", date(nanos.div_euclid(DAY_NS)), clock(nanos.rem_euclid(DAY_NS), true))
}

/// Seconds are left out where they are zero, unless they are asked for; their fraction has three,
/// six or nine digits.
fn clock(nanos: i128, seconds: bool) -> String {
    let fraction = nanos % 1_000_000_000;
    let second = nanos / 1_000_000_000;
    let mut text = format!("{:02}:{:02}", second / 3600, second / 60 % 60);
    if seconds || second % 60 != 0 || fraction != 0 {
        text.push_str(&format!(":{:02}", second % 60));
    }
    if fraction == 0 {
    } else if fraction % 1_000_000 == 0 {
        text.push_str(&format!(".{:03}", fraction / 1_000_000));
    } else if fraction % 1000 == 0 {
        text.push_str(&format!(".{:06}", fraction / 1000));
    } else {
        text.push_str(&format!(".{fraction:09}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_gregorian() {
        for (days, text) in [
            (0, "1970-01-01"),
            (-1, "1969-12-31"),
            (19_782, "2024-02-29"),
            (-719_528, "0000-01-01"),
            (-719_529, "-0001-12-31"),
            (2_932_896, "9999-12-31"),
            (2_932_897, "+10000-01-01"),
            (-141_428, "1582-10-14"),
        ] {
            assert_eq!(date(days), text);
        }
    }

    #[test]
    fn times_are_as_short_as_can_be() {
        assert_eq!(time(0).unwrap(), "00:00");
        assert_eq!(time(3_600_000_000_001).unwrap(), "01:00:00.000000001");
        assert!(time(86_400_000_000_000).is_none());
        assert_eq!(local(-1), "1969-12-31T23:59:59.999999999");
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(1_500_000_000), "1970-01-01T00:00:01.500Z");
    }
}
