//! Versions of plugins, and what a configuration asks of them: a version, or a range as Maven
//! writes it (`[1.0,2.0)`, also several: `[1.0,2.0),[3.0,]`).

use std::cmp::Ordering;

/// Whatever version is there.
const LATEST: &str = "latest";

/// Whether `version` is what `wanted` asks for; if not, the text that refuses it.
pub(super) fn check_version(class: &str, wanted: &str, version: &str) -> Result<(), String> {
    let wanted = wanted.trim();
    if wanted.is_empty() || wanted.eq_ignore_ascii_case(LATEST) {
        return Ok(());
    }
    let is_range = wanted.starts_with(['[', '(']);
    let fits = if is_range {
        in_ranges(wanted, version).ok_or_else(|| {
            format!(
                "Plugin {class} cannot be looked up: {wanted} is neither a version nor a range of \
                 versions such as [1.0,2.0)"
            )
        })?
    } else {
        compare(wanted, version).is_eq()
    };
    if fits {
        return Ok(());
    }
    let range = if is_range { wanted.to_owned() } else { format!("[{wanted},{wanted}]") };
    Err(format!(
        "Plugin {class} not found that matches the version range {range}, available versions: \
         [{version}]"
    ))
}

/// Whether a version is in one of several ranges; `None` if they cannot be read.
fn in_ranges(ranges: &str, version: &str) -> Option<bool> {
    let mut rest = ranges;
    let mut found = false;
    while !rest.is_empty() {
        let from_included = match rest.chars().next()? {
            '[' => true,
            '(' => false,
            _ => return None,
        };
        let end = rest.find([']', ')'])?;
        let to_included = rest[end..].starts_with(']');
        found |= match rest[1..end].split_once(',') {
            None if from_included && to_included => compare(&rest[1..end], version).is_eq(),
            None => return None,
            Some((from, to)) => {
                let (from, to) = (from.trim(), to.trim());
                let above = compare(version, from);
                let below = compare(version, to);
                (from.is_empty() || above.is_gt() || (above.is_eq() && from_included))
                    && (to.is_empty() || below.is_lt() || (below.is_eq() && to_included))
            }
        };
        rest = rest[end + 1..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    Some(found)
}

/// Part by part: numbers by value, other text by its letters, a missing part as 0.
fn compare(one: &str, other: &str) -> Ordering {
    let mut left = one.trim().split(['.', '-']);
    let mut right = other.trim().split(['.', '-']);
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or("0"), b.unwrap_or("0")),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            _ => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::check_version;

    #[test]
    fn versions_and_ranges() {
        let fits = |wanted: &str| check_version("C", wanted, "1.10.0");
        for wanted in ["", " latest ", "1.10", "1.10.0", "[1.2,2.0)", "(,1.0),[1.10,]", "[1.10.0]"]
        {
            assert_eq!(fits(wanted), Ok(()), "{wanted}");
        }
        for wanted in ["1.2", "(1.10,)", "[1.0,1.9]"] {
            assert!(fits(wanted).is_err(), "{wanted}");
        }
        assert_eq!(
            fits("0.0.1").unwrap_err(),
            "Plugin C not found that matches the version range [0.0.1,0.0.1], available versions: \
             [1.10.0]"
        );
        for wanted in ["[1.0", "(1.10]", "[1,2]x"] {
            assert!(fits(wanted).unwrap_err().contains("neither a version"), "{wanted}");
        }
    }
}
