//! Names of tables, with and without quotes.

use gantry_api::{Error, Result};

use super::types::TableId;

/// Reads `catalog.schema.table`, `schema.table` or `table`; each part may stand in quotes. Names of
/// more parts are read as their first two, as Kafka's connectors do.
pub(crate) fn parse(text: &str, quote: char) -> Result<TableId> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (part, after) = match rest.strip_prefix(quote) {
            Some(quoted) => until_quote(quoted, quote).ok_or_else(|| {
                Error::java(
                    "java.lang.IllegalArgumentException",
                    format!("Failure parsing fully qualified identifier; missing trailing quote in {text}"),
                )
            })?,
            None => match rest.find('.') {
                Some(at) => (rest[..at].to_owned(), &rest[at..]),
                None => (rest.to_owned(), ""),
            },
        };
        parts.push(part);
        rest = match after.strip_prefix('.') {
            Some("") => {
                return Err(Error::java(
                    "java.lang.IllegalArgumentException",
                    format!("Failure parsing fully qualified identifier; ends in delimiter {text}"),
                ));
            }
            Some(after) => after,
            None => after,
        };
    }
    let mut parts = parts.into_iter();
    let (first, second, third) = (parts.next(), parts.next(), parts.next());
    Ok(match (first, second, third, parts.next()) {
        (catalog, schema, Some(name), None) => TableId { catalog, schema, name },
        (schema, Some(name), ..) => TableId { catalog: None, schema, name },
        (name, ..) => TableId { catalog: None, schema: None, name: name.unwrap_or_default() },
    })
}

/// The text up to a quote, which doubled is one of the text, and what is behind it.
fn until_quote(text: &str, quote: char) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once(quote)?;
        part.push_str(before);
        let Some(more) = after.strip_prefix(quote) else { return Some((part, after)) };
        part.push(quote);
        rest = more;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        parse(text, '"').unwrap().parts().map(str::to_owned).collect()
    }

    #[test]
    fn names_have_up_to_three_parts() {
        assert_eq!(read("t"), ["t"]);
        assert_eq!(read("s.t"), ["s", "t"]);
        assert_eq!(read("c.s.t"), ["c", "s", "t"]);
        assert_eq!(read("\"a.b\".t"), ["a.b", "t"]);
        assert_eq!(read("\"a b\""), ["a b"]);
        assert_eq!(read("\"a\"\"b\".c"), ["a\"b", "c"]);
        assert_eq!(read("a.b.c.d"), ["a", "b"]);
        let error = parse("\"a", '"').unwrap_err();
        assert!(error.message().contains("missing trailing quote in \"a"), "{error}");
        assert!(parse("a.", '"').unwrap_err().message().contains("ends in delimiter a."));
    }
}
