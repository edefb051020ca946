//! Versions of plugins, and what a configuration asks of them: a version, or ranges as Maven
//! writes them (`[1.0,2.0)`, also several: `[1.0,2.0),[3.0,]`).

use std::cmp::Ordering;
use std::fmt;

/// Whatever version is there.
const LATEST: &str = "latest";

/// Ranges of versions; one version is a range that begins and ends with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VersionRanges(Vec<Range>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    /// `None`: open.
    from: Option<String>,
    from_included: bool,
    to: Option<String>,
    to_included: bool,
}

impl VersionRanges {
    /// What a configuration asks for; `None` takes what is there. The error is Maven's text.
    pub(crate) fn requirement(version: Option<&str>) -> Result<Option<Self>, String> {
        match version {
            None | Some(LATEST) => Ok(None),
            Some(text) => Self::parse(text.trim()).map(Some),
        }
    }

    fn parse(spec: &str) -> Result<Self, String> {
        let mut ranges: Vec<Range> = Vec::new();
        let mut rest = spec;
        while rest.starts_with(['[', '(']) {
            let Some(end) = rest.find([')', ']']) else {
                return Err(format!("Unbounded range: {spec}"));
            };
            let range = Range::parse(&rest[..=end])?;
            if let Some(before) = ranges.last().and_then(|before| before.to.as_deref())
                && range.from.as_deref().is_none_or(|from| compare(from, before).is_lt())
            {
                return Err(format!("Ranges overlap: {spec}"));
            }
            ranges.push(range);
            rest = rest[end + 1..].trim();
            rest = rest.strip_prefix(',').unwrap_or(rest).trim();
        }
        match (rest.is_empty(), ranges.is_empty()) {
            (true, false) => Ok(Self(ranges)),
            (false, false) => {
                Err(format!("Only fully-qualified sets allowed in multiple set scenario: {spec}"))
            }
            // A bare version is that version alone.
            (_, true) => Ok(Self(vec![Range::parse(&format!("[{rest}]"))?])),
        }
    }

    /// Whether a version is in one of the ranges.
    pub(crate) fn contain(&self, version: &str) -> bool {
        self.0.iter().any(|range| range.contains(version))
    }
}

impl fmt::Display for VersionRanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, range) in self.0.iter().enumerate() {
            let separator = if i > 0 { "," } else { "" };
            let open = if range.from_included { '[' } else { '(' };
            let close = if range.to_included { ']' } else { ')' };
            let (from, to) = (range.from.as_deref(), range.to.as_deref());
            write!(
                f,
                "{separator}{open}{},{}{close}",
                from.unwrap_or_default(),
                to.unwrap_or_default()
            )?;
        }
        Ok(())
    }
}

impl Range {
    /// Reads a range with its brackets.
    fn parse(spec: &str) -> Result<Self, String> {
        let (from_included, to_included) = (spec.starts_with('['), spec.ends_with(']'));
        let inner = spec[1..spec.len() - 1].trim();
        let Some((from, to)) = inner.split_once(',') else {
            if !from_included || !to_included {
                return Err(format!("Single version must be surrounded by []: {spec}"));
            }
            let version = Some(inner.to_owned());
            return Ok(Self { from: version.clone(), from_included, to: version, to_included });
        };
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (from, to) = (given(from), given(to));
        if let (Some(from), Some(to)) = (&from, &to) {
            let order = compare(to, from);
            if order.is_lt() || (order.is_eq() && !(from_included && to_included)) {
                return Err(format!("Range defies version ordering: {spec}"));
            }
        }
        Ok(Self { from, from_included, to, to_included })
    }

    fn contains(&self, version: &str) -> bool {
        let from = self.from.as_deref().map(|from| compare(version, from));
        let to = self.to.as_deref().map(|to| compare(version, to));
        from.is_none_or(|order| order.is_gt() || (order.is_eq() && self.from_included))
            && to.is_none_or(|order| order.is_lt() || (order.is_eq() && self.to_included))
    }
}

/// Part by part: numbers by value, other text by its letters, a missing part as 0.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let mut left = one.trim().split(['.', '-']);
    let mut right = other.trim().split(['.', '-']);
    loop {
        let (a, b) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => (a.unwrap_or("0"), b.unwrap_or("0")),
        };
        let order = match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            // A number is newer than a word such as SNAPSHOT.
            (Ok(_), Err(_)) => Ordering::Greater,
            (Err(_), Ok(_)) => Ordering::Less,
            (Err(_), Err(_)) => a.cmp(b),
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> Result<Option<VersionRanges>, String> {
        VersionRanges::requirement(Some(text))
    }

    #[test]
    fn versions_and_ranges() {
        let fits = |wanted: &str| range(wanted).unwrap().is_none_or(|r| r.contain("1.10.0"));
        for wanted in ["latest", "1.10", " 1.10.0 ", "[1.2,2.0)", "(,1.0),[1.10,]", "[1.10.0]", ","]
        {
            assert!(fits(wanted), "{wanted}");
        }
        for wanted in ["", "1.2", "(1.10,)", "[1.0,1.9]", "LATEST", "1.10.0.1", "(1.9,1.10.0)"] {
            assert!(!fits(wanted), "{wanted}");
        }
        assert_eq!(VersionRanges::requirement(None), Ok(None));
    }

    #[test]
    fn ranges_are_shown_with_both_ends() {
        let shown = |text: &str| range(text).unwrap().unwrap().to_string();
        assert_eq!(shown(""), "[,]");
        assert_eq!(shown("4.3"), "[4.3,4.3]");
        assert_eq!(shown("a,b"), "[a,b]");
        assert_eq!(shown("[1.0,2.0), [3.0,]"), "[1.0,2.0),[3.0,]");
    }

    #[test]
    fn faults_have_mavens_texts() {
        for (text, fault) in [
            ("(,", "Unbounded range: (,"),
            ("[1", "Unbounded range: [1"),
            ("(1.10]", "Single version must be surrounded by []: (1.10]"),
            ("[5,4]", "Range defies version ordering: [5,4]"),
            ("[1,1)", "Range defies version ordering: [1,1)"),
            ("[1,2],[1,3]", "Ranges overlap: [1,2],[1,3]"),
            ("[1,2]x", "Only fully-qualified sets allowed in multiple set scenario: [1,2]x"),
        ] {
            assert_eq!(range(text), Err(fault.to_owned()), "{text}");
        }
    }
}
