//! The formats of texts that drafts 4 to 7 check.

use std::net::{Ipv4Addr, Ipv6Addr};

use gantry_model::regex::JavaPattern;

use crate::load::is_java_uri;
use crate::model::Draft;

/// A format that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Format {
    pub(super) name: &'static str,
    pub(super) is_met: fn(&str) -> bool,
}

/// The formats, each with the draft that brought it.
const FORMATS: [(Draft, Format); 14] = [
    (Draft::Draft4, Format { name: "date-time", is_met: is_date_time }),
    (Draft::Draft4, Format { name: "uri", is_met: is_java_uri }),
    (Draft::Draft4, Format { name: "email", is_met: is_email }),
    (Draft::Draft4, Format { name: "ipv4", is_met: is_ipv4 }),
    (Draft::Draft4, Format { name: "ipv6", is_met: is_ipv6 }),
    (Draft::Draft4, Format { name: "hostname", is_met: is_host_name }),
    (Draft::Draft6, Format { name: "json-pointer", is_met: is_pointer }),
    (Draft::Draft6, Format { name: "uri-reference", is_met: is_java_uri }),
    (Draft::Draft6, Format { name: "uri-template", is_met: is_uri_template }),
    (Draft::Draft7, Format { name: "date", is_met: is_date }),
    (Draft::Draft7, Format { name: "time", is_met: is_time }),
    (Draft::Draft7, Format { name: "regex", is_met: is_pattern }),
    (Draft::Draft7, Format { name: "relative-json-pointer", is_met: is_relative_pointer }),
    (Draft::Draft6, Format { name: "uri", is_met: is_uri }),
];

impl Format {
    /// The format of a name in a draft. Later drafts than 7 take a format as a remark.
    pub(super) fn of(name: &str, draft: Draft) -> Option<Self> {
        if draft.is_modern() {
            return None;
        }
        // The last counts: in draft 4 a URI may be relative.
        FORMATS
            .iter()
            .rev()
            .find(|(since, format)| format.name == name && *since <= draft)
            .map(|(_, format)| *format)
    }
}

fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut number = |digits: usize| {
        parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|part| part.parse::<u32>().ok())
    };
    let (Some(year), Some(month), Some(day)) = (number(4), number(2), number(2)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    parts.next().is_none() && (1..=days).contains(&day)
}

fn is_time(text: &str) -> bool {
    let (clock, offset) = match text.strip_suffix(['Z', 'z']) {
        Some(clock) => (clock, None),
        None => match text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) {
            Some((clock, offset)) => (clock, Some(offset)),
            None => return false,
        },
    };
    let is_offset = offset.is_none_or(|offset| {
        offset.strip_prefix(['+', '-']).is_some_and(|clock| is_clock(clock, &[23, 59]))
    });
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let is_fraction =
        (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_offset && is_fraction && is_clock(clock, &[23, 59, 59])
}

/// Whether a text has numbers of two digits between colons, none above its limit.
fn is_clock(text: &str, limits: &[u32]) -> bool {
    let mut parts = text.split(':');
    let is_part = |part: &str, limit: u32| {
        part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|number| number <= limit)
    };
    limits.iter().all(|limit| parts.next().is_some_and(|part| is_part(part, *limit)))
        && parts.next().is_none()
}

fn is_date_time(text: &str) -> bool {
    match text.split_at_checked(10) {
        Some((date, rest)) => {
            rest.strip_prefix(['T', 't']).is_some_and(|time| is_date(date) && is_time(time))
        }
        None => false,
    }
}

fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
    let is_local = is_quoted
        || !local.is_empty()
            && local.len() <= 64
            && local.split('.').all(|atom| {
                !atom.is_empty()
                    && atom
                        .chars()
                        .all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c))
            });
    let is_domain = match domain.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(address) => is_ipv4(address) || address.strip_prefix("IPv6:").is_some_and(is_ipv6),
        None => is_host_name(domain),
    };
    is_local && is_domain
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

fn is_uri(text: &str) -> bool {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
        && is_java_uri(text)
}

fn is_uri_template(text: &str) -> bool {
    let mut inside = false;
    for c in text.chars() {
        match c {
            '{' if inside => return false,
            '}' if !inside => return false,
            '{' | '}' => inside = !inside,
            c if c.is_control() || c.is_whitespace() => return false,
            _ => (),
        }
    }
    !inside
}

fn is_pointer(text: &str) -> bool {
    let escapes_end =
        |token: &str| token.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    text.is_empty() || text.starts_with('/') && text.split('/').all(escapes_end)
}

fn is_relative_pointer(text: &str) -> bool {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (steps, rest) = text.split_at_checked(digits).unwrap_or((text, ""));
    let is_number = steps == "0" || !steps.is_empty() && !steps.starts_with('0');
    is_number && (rest == "#" || is_pointer(rest))
}

fn is_pattern(text: &str) -> bool {
    JavaPattern::compile(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(name: &str, text: &str) -> bool {
        (Format::of(name, Draft::Draft7).unwrap().is_met)(text)
    }

    #[test]
    fn formats_are_told_apart() {
        for (name, good, bad) in [
            ("date", "2024-02-29", "2023-02-29"),
            ("date", "1999-12-31", "1999-12-32"),
            ("time", "23:59:59.123Z", "24:00:00Z"),
            ("time", "10:00:00+02:00", "10:00:00"),
            ("date-time", "2024-01-01T00:00:00Z", "2024-01-01 00:00:00Z"),
            ("date-time", "2024-01-01t00:00:00.5-01:30", "2024-01-01T00:00:00.Z"),
            ("email", "a.b+c@example.org", "a..b@example.org"),
            ("email", "x@[127.0.0.1]", "example.org"),
            ("ipv4", "127.0.0.1", "127.0.0.256"),
            ("ipv6", "::1", "12345::"),
            ("hostname", "www.example.org", "-x.org"),
            ("uri", "http://x.org/a?b#c", "http://x.org/<a>"),
            ("uri-reference", "/a%20b", "/a%2"),
            ("uri-template", "/a/{b}", "/a/{b"),
            ("json-pointer", "/a~1b", "/a~2b"),
            ("json-pointer", "", "a"),
            ("relative-json-pointer", "0#", "00"),
            ("relative-json-pointer", "1/a", "/a"),
            ("regex", "^a[b-d]+$", "a["),
        ] {
            assert!(met(name, good), "{name} {good}");
            assert!(!met(name, bad), "{name} {bad}");
        }
    }

    #[test]
    fn drafts_bring_formats() {
        assert!(Format::of("date", Draft::Draft6).is_none());
        assert!(Format::of("json-pointer", Draft::Draft4).is_none());
        assert!(Format::of("date-time", Draft::Draft202012).is_none());
        assert!(Format::of("none", Draft::Draft7).is_none());
        let is_met = |draft| (Format::of("uri", draft).unwrap().is_met)("relative");
        assert!(is_met(Draft::Draft4) && !is_met(Draft::Draft6) && !is_met(Draft::Draft7));
    }
}
