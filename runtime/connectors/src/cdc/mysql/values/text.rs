//! Dates and times as the server writes them.

/// A date and a clock: year, month, day, and microseconds of the day.
pub(super) type Wall = (i64, i64, i64, i64);

/// `2026-03-30`, with or without ` 10:20:30.123456`.
pub(super) fn wall(text: &str) -> Option<Wall> {
    let (date, clock) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() {
        return None;
    }
    Some((year, month, day, time(clock).filter(|micros| *micros >= 0)?))
}

/// `-838:59:59.123456` in microseconds.
pub(super) fn time(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':').map(number);
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    if !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = format!("{part:0<6}");
    let micros: i64 = part.get(..6)?.parse().ok()?;
    let seconds = hours.checked_mul(3600)?.checked_add(minutes * 60 + seconds)?;
    Some(sign * seconds.checked_mul(1_000_000)?.checked_add(micros)?)
}

fn number(text: &str) -> Option<i64> {
    if text.len() > 9 { None } else { text.parse().ok() }
}

/// Whether the calendar has such a day.
pub(super) fn is_date(year: i64, month: i64, day: i64) -> bool {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=last).contains(&day)
}
