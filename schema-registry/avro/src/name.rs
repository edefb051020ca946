//! Names of types, and which texts are names.

use std::fmt;

use gantry_schema_model::InvalidSchema;

/// The full name of a record, an enum or a fixed type.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name {
    full: String,
    /// Where the part behind the last dot begins.
    simple_at: usize,
}

impl Name {
    /// A name as it is written: with dots it is a full one, and `space` does not count.
    pub(crate) fn new(written: &str, space: Option<&str>) -> Self {
        let (space, simple) = match written.rsplit_once('.') {
            Some((space, simple)) => (Some(space), simple),
            None => (space, written),
        };
        match space.filter(|space| !space.is_empty()) {
            Some(space) => Self { full: format!("{space}.{simple}"), simple_at: space.len() + 1 },
            None => Self { full: simple.to_owned(), simple_at: 0 },
        }
    }
    /// With the namespace, if there is one.
    pub fn full(&self) -> &str {
        &self.full
    }
    /// Without the namespace.
    pub fn simple(&self) -> &str {
        self.full.get(self.simple_at..).unwrap_or_default()
    }
    /// The namespace.
    pub fn space(&self) -> Option<&str> {
        self.full.get(..self.simple_at.checked_sub(1)?)
    }
    /// How a schema within the namespace `space` writes it: without the namespace if that is the
    /// same, unless it would be taken for a type of Avro.
    pub(crate) fn within(&self, space: Option<&str>) -> &str {
        let is_known = self.space().is_some() && self.space() == space;
        if is_known && !TYPES.contains(&self.simple()) { self.simple() } else { &self.full }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.full, f)
    }
}

const TYPES: [&str; 14] = [
    "record", "enum", "array", "map", "union", "fixed", "string", "bytes", "int", "long", "float",
    "double", "boolean", "null",
];

/// A name without a namespace, which must be one in a new schema.
pub(crate) fn check_simple(name: &str, is_new: bool) -> Result<(), InvalidSchema> {
    if is_new { ascii(name).map_err(InvalidSchema) } else { Ok(()) }
}

/// The name of a type, all parts of which must be names in a new schema.
pub(crate) fn check_full(name: &Name, is_new: bool) -> Result<(), InvalidSchema> {
    if !is_new {
        return Ok(());
    }
    let spaces = name.space().into_iter().flat_map(|space| space.split('.'));
    let parts = spaces.map(|part| ("Namespace part", part)).chain([("Name", name.simple())]);
    for (kind, part) in parts {
        ascii(part).map_err(|why| InvalidSchema(format!("{kind} \"{part}\" is invalid: {why}")))?;
    }
    Ok(())
}

/// Letters, digits and underscores of ASCII.
fn ascii(name: &str) -> Result<(), String> {
    check(name, |c| c.is_ascii_alphabetic(), |c| c.is_ascii_alphanumeric())
}

/// Letters, digits and underscores of any script.
pub(crate) fn any_script(name: &str) -> Result<(), InvalidSchema> {
    check(name, char::is_alphabetic, char::is_alphanumeric).map_err(InvalidSchema)
}

fn check(
    name: &str,
    is_first: impl Fn(char) -> bool,
    is_other: impl Fn(char) -> bool,
) -> Result<(), String> {
    let mut chars = name.chars();
    match chars.next() {
        None => Err("Empty name".to_owned()),
        Some(c) if c != '_' && !is_first(c) => Err(format!("Illegal initial character: {name}")),
        Some(_) if !chars.all(|c| c == '_' || is_other(c)) => {
            Err(format!("Illegal character in: {name}"))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_dots_needs_no_namespace() {
        for (written, space, full, simple, own) in [
            ("R", None, "R", "R", None),
            ("R", Some(""), "R", "R", None),
            ("R", Some("a.b"), "a.b.R", "R", Some("a.b")),
            ("c.R", Some("a.b"), "c.R", "R", Some("c")),
            (".R", Some("a.b"), "R", "R", None),
        ] {
            let name = Name::new(written, space);
            assert_eq!((name.full(), name.simple(), name.space()), (full, simple, own));
        }
    }

    #[test]
    fn a_name_is_short_where_that_is_clear() {
        let name = Name::new("a.R", None);
        assert_eq!(name.within(Some("a")), "R");
        assert_eq!(name.within(Some("b")), "a.R");
        assert_eq!(name.within(None), "a.R");
        assert_eq!(Name::new("a.fixed", None).within(Some("a")), "a.fixed");
        assert_eq!(Name::new("R", None).within(Some("a")), "R");
    }

    #[test]
    fn what_is_no_name() {
        let wrong = |name: &str| check_simple(name, true).unwrap_err().0;
        assert_eq!(wrong(""), "Empty name");
        assert_eq!(wrong("1a"), "Illegal initial character: 1a");
        assert_eq!(wrong("a-b"), "Illegal character in: a-b");
        assert_eq!(wrong("é"), "Illegal initial character: é");
        assert_eq!(check_simple("1a", false), Ok(()));
        assert_eq!(any_script("é1"), Ok(()));
        assert!(any_script("1é").is_err());
        let full = Name::new("a.1b.R", None);
        assert_eq!(
            check_full(&full, true).unwrap_err().0,
            "Namespace part \"1b\" is invalid: Illegal initial character: 1b"
        );
    }
}
