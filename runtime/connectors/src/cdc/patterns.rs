//! Lists of regular expressions that say which databases, schemas, tables and columns are meant.

use std::fmt;

use gantry_api::model::regex::JavaPattern;
use gantry_api::{Error, Result};

/// A list of patterns; a text fits when one of them matches all of it, whatever the case of its letters.
#[derive(Clone, Default)]
pub(crate) struct Patterns(Vec<JavaPattern>);

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(JavaPattern::as_str)).finish()
    }
}

impl Patterns {
    /// Reads a list that is divided by commas; a comma in a pattern stands behind a backslash.
    pub(crate) fn parse(list: &str) -> Result<Self> {
        split(list).iter().map(|part| pattern(part)).collect::<Result<_>>().map(Self)
    }

    /// Those of several texts, one pattern each.
    pub(crate) fn of(texts: &[String]) -> Result<Self> {
        texts.iter().map(|part| pattern(part)).collect::<Result<_>>().map(Self)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn fit(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(text))
    }
}

/// One pattern, for whatever case of letters.
pub(crate) fn pattern(text: &str) -> Result<JavaPattern> {
    JavaPattern::compile(&format!("(?i){text}")).map_err(|error| {
        Error::config(format!(
            "A comma-separated list of valid regular expressions is expected, but {}",
            error.message()
        ))
    })
}

/// The parts of a list, without spaces around them; empty ones are none.
pub(crate) fn split(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = list.chars();
    while let Some(c) = chars.next() {
        match (c, parts.last_mut()) {
            (',', _) => parts.push(String::new()),
            ('\\', Some(part)) => match chars.next() {
                Some(',') => part.push(','),
                Some(other) => part.extend(['\\', other]),
                None => part.push('\\'),
            },
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// What is included, or what is excluded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    include: Option<Patterns>,
    exclude: Option<Patterns>,
}

impl Filter {
    /// Lists that are blank are none; one of what is included wins.
    pub(crate) fn parse(include: Option<&str>, exclude: Option<&str>) -> Result<Self> {
        let read = |list: Option<&str>| {
            list.filter(|list| !list.trim().is_empty()).map(Patterns::parse).transpose()
        };
        Ok(Self { include: read(include)?, exclude: read(exclude)? })
    }

    pub(crate) fn takes(&self, text: &str) -> bool {
        match (&self.include, &self.exclude) {
            (Some(include), _) => include.fit(text),
            (None, Some(exclude)) => !exclude.fit(text),
            (None, None) => true,
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.include.is_some() || self.exclude.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_all_of_a_text_in_any_case() {
        let patterns = Patterns::parse(r" public\.(a|b){1\,2} , S\.T,, ").unwrap();
        assert!(patterns.fit("PUBLIC.ab") && patterns.fit("s.t"));
        assert!(!patterns.fit("public.abc") && !patterns.fit("xs.t"));
        let error = Patterns::parse("a(").unwrap_err();
        assert!(error.message().starts_with("A comma-separated list of valid"), "{error}");
    }

    #[test]
    fn what_is_included_wins() {
        let both = Filter::parse(Some("s.a"), Some("s.*")).unwrap();
        assert!(both.takes("s.a") && !both.takes("s.b") && both.is_set());
        let blank = Filter::parse(Some(" "), None).unwrap();
        assert!(blank.takes("anything") && !blank.is_set());
        assert!(!Filter::parse(None, Some("s.b")).unwrap().takes("S.B"));
    }
}
