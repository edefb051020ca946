//! Which topics and groups are copied: lists of names and patterns, of which exclusion wins.

use gantry_api::model::regex::JavaPattern;
use gantry_api::{Error, Result};

/// A pair of such lists.
#[derive(Debug)]
pub(crate) struct Filter {
    include: Option<JavaPattern>,
    exclude: Option<JavaPattern>,
}

impl Filter {
    pub(crate) fn new(include: &[String], exclude: &[String]) -> Result<Self> {
        Ok(Self { include: any_of(include)?, exclude: any_of(exclude)? })
    }

    pub(crate) fn takes(&self, name: &str) -> bool {
        let matches = |pattern: &Option<JavaPattern>| {
            pattern.as_ref().is_some_and(|pattern| pattern.matches(name))
        };
        matches(&self.include) && !matches(&self.exclude)
    }
}

/// One pattern of a list, as MirrorMaker makes it; an empty list matches nothing.
fn any_of(list: &[String]) -> Result<Option<JavaPattern>> {
    let texts: Vec<&str> = list.iter().map(|text| text.trim()).filter(|t| !t.is_empty()).collect();
    if texts.is_empty() {
        return Ok(None);
    }
    JavaPattern::compile(&texts.join("|")).map(Some)
}

/// Whether a list can be read; the error says what is wrong.
pub(crate) fn check(list: &[String]) -> Result<(), String> {
    any_of(list).map(drop).map_err(|error: Error| error.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_alternatives_and_match_whole_names() {
        let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let filter = Filter::new(&list(&["orders.*", " bills"]), &list(&[".*-tmp"])).unwrap();
        for (name, taken) in [
            ("orders", true),
            ("orders-eu", true),
            ("orders-tmp", false),
            ("bills", true),
            ("my-bills", false),
        ] {
            assert_eq!(filter.takes(name), taken, "{name}");
        }
        assert!(!Filter::new(&[], &[]).unwrap().takes("x"));
        assert!(check(&list(&["a("])).is_err());
    }
}
