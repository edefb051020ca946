//! Lists of status codes: `429,500-502,503-`.

/// Codes, as ranges of which both ends count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    /// This one alone.
    pub(super) fn of(status: u16) -> Self {
        Self(vec![(status, status)])
    }

    /// The error says which item is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(range).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|&(first, last)| (first..=last).contains(&status))
    }
}

fn range(item: &str) -> Result<(u16, u16), String> {
    let fault =
        || format!("{item} is neither a status code nor a range of them (500, 400-499, 500-)");
    let code =
        |text: &str| text.trim().parse::<u16>().ok().filter(|code| (100..=999).contains(code));
    let found = match item.split_once('-') {
        None => code(item).map(|code| (code, code)),
        Some((first, "")) => code(first).map(|first| (first, u16::MAX)),
        Some((first, last)) => code(first).zip(code(last)).filter(|(first, last)| first <= last),
    };
    found.ok_or_else(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_codes_ranges_and_open_ranges() {
        let all = Statuses::parse("404, 429,500-502,504-").unwrap();
        for (status, expected) in
            [(403, false), (404, true), (429, true), (501, true), (503, false), (599, true)]
        {
            assert_eq!(all.contains(status), expected, "{status}");
        }
        assert!(!Statuses::parse("").unwrap().contains(500));
        for wrong in ["x", "40", "500-400", "-500", "4-5-6"] {
            assert!(Statuses::parse(wrong).is_err(), "{wrong}");
        }
    }
}
