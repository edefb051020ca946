//! Columns as fields of records: what is added to their schemas, and what is done with their values.

use std::sync::Arc;

use gantry_api::model::SchemaBuilder;
use gantry_api::model::regex::JavaPattern;
use gantry_api::{Error, Props, Result, Value};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use super::patterns::Patterns;

/// A column of a table, as a connector knows it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its schema without what `optional` and the others here say; `None`: its type is none that is known, and
    /// records do not have it.
    pub(crate) schema: Option<SchemaBuilder>,
    pub(crate) optional: bool,
    pub(crate) default: Option<Value>,
    pub(crate) comment: Option<String>,
    /// In place of null where there must be a value, which is so in rows of which only the key is known.
    pub(crate) fallback: Value,
    /// The name of its type, and how long its values can be, as the database says.
    pub(crate) type_name: String,
    pub(crate) length: Option<u32>,
    pub(crate) scale: Option<i32>,
    /// Whether it is one of SQL's types of characters: only those can be masked.
    pub(crate) is_characters: bool,
}

impl Column {
    /// Its schema in a key.
    pub(super) fn of_key(&self) -> Option<SchemaBuilder> {
        let schema = self.schema.clone()?.set_optional(self.optional);
        let schema = match &self.comment {
            Some(comment) => schema.doc(Some(comment.as_str().into())),
            None => schema,
        };
        Some(match &self.default {
            Some(default) => schema.default_value(Some(default.clone())),
            None => schema,
        })
    }

    /// What a null becomes.
    pub(super) fn of_null(&self) -> Value {
        match (&self.default, self.optional) {
            (_, true) => Value::Null,
            (Some(default), false) => default.clone(),
            (None, false) => self.fallback.clone(),
        }
    }
}

/// How a text is hidden behind its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

impl Algorithm {
    /// By the names that Java has for them.
    fn parse(name: &str) -> Option<Self> {
        Some(match name.to_ascii_uppercase().as_str() {
            "MD5" => Self::Md5,
            "SHA" | "SHA1" | "SHA-1" => Self::Sha1,
            "SHA-224" => Self::Sha224,
            "SHA-256" => Self::Sha256,
            "SHA-384" => Self::Sha384,
            "SHA-512" => Self::Sha512,
            _ => return None,
        })
    }

    fn hex(self, parts: [&[u8]; 2]) -> String {
        fn digest<D: Digest>(parts: [&[u8]; 2]) -> String {
            let mut digest = D::new();
            for part in parts {
                digest.update(part);
            }
            digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
        }
        match self {
            Self::Md5 => digest::<Md5>(parts),
            Self::Sha1 => digest::<Sha1>(parts),
            Self::Sha224 => digest::<Sha224>(parts),
            Self::Sha256 => digest::<Sha256>(parts),
            Self::Sha384 => digest::<Sha384>(parts),
            Self::Sha512 => digest::<Sha512>(parts),
        }
    }
}

/// What is done with a column.
#[derive(Clone)]
enum Rule {
    Truncate(u32),
    Mask(u32),
    Propagate,
    PropagateType,
    Hash { algorithm: Algorithm, salt: String, is_java: bool },
}

/// Rules for columns, of which the first that fits counts.
#[derive(Clone, Default)]
pub(crate) struct Rules(Vec<(Rule, Patterns)>);

/// Without what hashes are salted with.
impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.0.len())
    }
}

impl Rules {
    /// Reads the keys whose names have parts of the rules in them.
    pub(crate) fn parse(props: &Props) -> Result<Self> {
        let mut rules = Vec::new();
        for read in [truncate, mask, propagate, propagate_type, hash, hash_v2] {
            for (key, value) in props.iter().filter(|(_, value)| !value.trim().is_empty()) {
                if let Some(rule) = read(key)? {
                    let patterns = Patterns::parse(value).map_err(|error| {
                        Error::config(format!("The '{key}' value is invalid: {}", error.message()))
                    })?;
                    rules.push((rule, patterns));
                }
            }
        }
        Ok(Self(rules))
    }

    /// What is done with a column of that full name, and what that adds to its schema.
    pub(super) fn of(&self, column: &Column, names: &Names<'_>) -> (Treatment, SchemaBuilder) {
        let schema =
            column.of_key().unwrap_or_else(|| SchemaBuilder::new(gantry_api::model::Kind::String));
        let found = self.0.iter().find(|(rule, patterns)| match rule {
            Rule::PropagateType => names.of_type(&column.type_name).any(|name| patterns.fit(&name)),
            _ => names.of_column(&column.name).any(|name| patterns.fit(&name)),
        });
        let Some((rule, _)) = found else { return (Treatment::None, schema) };
        match rule {
            Rule::Truncate(length) => {
                let schema = schema.parameter("truncateLength", &length.to_string());
                match column.length.is_some_and(|has| has <= *length) {
                    true => (Treatment::None, schema),
                    false => (Treatment::Truncate(*length as usize), schema),
                }
            }
            Rule::Mask(length) => {
                let stars = Value::str(&"*".repeat(*length as usize));
                let treatment =
                    if column.is_characters { Treatment::Mask(stars) } else { Treatment::None };
                (treatment, schema.parameter("masked", "true"))
            }
            Rule::Hash { algorithm, salt, is_java } => {
                let treatment = Treatment::Hash {
                    algorithm: *algorithm,
                    salt: salt.as_bytes().into(),
                    is_java: *is_java,
                    length: column
                        .length
                        .filter(|length| *length > 0)
                        .map(|length| length as usize),
                };
                let treatment = if column.is_characters { treatment } else { Treatment::None };
                (treatment, schema.parameter("masked", "true"))
            }
            Rule::Propagate | Rule::PropagateType => (Treatment::None, propagated(column, schema)),
        }
    }
}

fn propagated(column: &Column, schema: SchemaBuilder) -> SchemaBuilder {
    let of = |what: &str| format!("__debezium.source.column.{what}");
    let mut schema = schema.parameter(&of("type"), &column.type_name.to_uppercase());
    if let Some(length) = column.length {
        schema = schema.parameter(&of("length"), &length.to_string());
    }
    if let Some(scale) = column.scale {
        schema = schema.parameter(&of("scale"), &scale.to_string());
    }
    if let Some(comment) = column.comment.as_deref().filter(|comment| !comment.is_empty()) {
        schema = schema.parameter(&of("comment"), comment);
    }
    schema.parameter(&of("name"), &column.name)
}

/// The full names of a table, under which rules may name its columns.
pub(super) struct Names<'a> {
    pub(super) tables: &'a [String],
}

impl Names<'_> {
    fn of_column<'b>(&'b self, column: &'b str) -> impl Iterator<Item = String> + 'b {
        self.tables.iter().map(move |table| format!("{table}.{column}"))
    }

    fn of_type<'b>(&'b self, type_name: &'b str) -> impl Iterator<Item = String> + 'b {
        self.tables.iter().map(move |table| format!("{table}.{type_name}"))
    }
}

/// The number in a key between these.
fn number(key: &str, head: &str) -> Result<Option<u32>> {
    let Some(text) = key.strip_prefix(head).and_then(|rest| rest.strip_suffix(".chars")) else {
        return Ok(None);
    };
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        Error::config(format!(
            "Invalid key {key}: {text} characters are too many; the most are {}",
            u32::MAX
        ))
    })
}

fn truncate(key: &str) -> Result<Option<Rule>> {
    Ok(number(key, "column.truncate.to.")?.map(Rule::Truncate))
}

fn mask(key: &str) -> Result<Option<Rule>> {
    Ok(number(key, "column.mask.with.")?.map(Rule::Mask))
}

fn propagate(key: &str) -> Result<Option<Rule>> {
    Ok((key == "column.propagate.source.type").then_some(Rule::Propagate))
}

fn propagate_type(key: &str) -> Result<Option<Rule>> {
    Ok((key == "datatype.propagate.source.type").then_some(Rule::PropagateType))
}

fn hash(key: &str) -> Result<Option<Rule>> {
    match key.strip_prefix("column.mask.hash.") {
        Some(rest) if !rest.starts_with("v2.") => hashing(key, rest, true),
        _ => Ok(None),
    }
}

fn hash_v2(key: &str) -> Result<Option<Rule>> {
    match key.strip_prefix("column.mask.hash.v2.") {
        Some(rest) => hashing(key, rest, false),
        None => Ok(None),
    }
}

fn hashing(key: &str, rest: &str, is_java: bool) -> Result<Option<Rule>> {
    let Some((name, salt)) = rest
        .split_once(".with.salt.")
        .filter(|(name, salt)| !name.is_empty() && !name.contains('.') && !salt.is_empty())
    else {
        return Ok(None);
    };
    // The key holds the salt, which is secret.
    let shown = key.strip_suffix(salt).unwrap_or_default();
    let algorithm = Algorithm::parse(name).ok_or_else(|| {
        Error::config(format!(
            "Invalid key {shown}…: {name} is none of MD5, SHA-1, SHA-224, SHA-256, SHA-384 and SHA-512"
        ))
    })?;
    Ok(Some(Rule::Hash { algorithm, salt: salt.to_owned(), is_java }))
}

/// What is done with the values of a column.
#[derive(Clone)]
pub(super) enum Treatment {
    None,
    Truncate(usize),
    Mask(Value),
    Hash { algorithm: Algorithm, salt: Arc<[u8]>, is_java: bool, length: Option<usize> },
}

impl std::fmt::Debug for Treatment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Truncate(_) => "Truncate",
            Self::Mask(_) => "Mask",
            Self::Hash { .. } => "Hash",
        })
    }
}

impl Treatment {
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn apply(&self, value: Value) -> Value {
        match (self, value) {
            (Self::None, value) => value,
            (Self::Mask(stars), _) => stars.clone(),
            (Self::Truncate(length), Value::String(text)) => Value::str(cut(&text, *length)),
            (Self::Truncate(length), Value::Bytes(bytes)) => {
                let length = bytes.len().min(*length);
                Value::Bytes(bytes.slice(..length))
            }
            (Self::Hash { algorithm, salt, is_java, length }, Value::String(text)) => {
                let bytes = if *is_java { java_object(&text) } else { text.as_bytes().to_vec() };
                let hash = algorithm.hex([salt, &bytes]);
                let length = length.map_or(hash.len(), |length| length.min(hash.len()));
                Value::str(hash.get(..length).unwrap_or_default())
            }
            (_, value) => value,
        }
    }
}

/// The first characters as Java counts them, but never half of one.
fn cut(text: &str, length: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > length {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

/// A text as Java writes objects.
fn java_object(text: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        match unit {
            1..=0x7f => body.push(low(unit)),
            0 | 0x80..=0x7ff => body.extend([0xc0 | low(unit >> 6), 0x80 | low(unit & 0x3f)]),
            _ => body.extend([
                0xe0 | low(unit >> 12),
                0x80 | low((unit >> 6) & 0x3f),
                0x80 | low(unit & 0x3f),
            ]),
        }
    }
    let mut bytes = vec![0xac, 0xed, 0, 5];
    match u16::try_from(body.len()) {
        Ok(length) => {
            bytes.push(0x74);
            bytes.extend(length.to_be_bytes());
        }
        Err(_) => {
            bytes.push(0x7c);
            bytes.extend((body.len() as u64).to_be_bytes());
        }
    }
    bytes.extend(body);
    bytes
}

fn low(unit: u16) -> u8 {
    unit.to_be_bytes()[1]
}

/// The columns that make a table's key, where a user says so.
#[derive(Clone, Default)]
pub(crate) struct KeyColumns(Vec<JavaPattern>);

impl std::fmt::Debug for KeyColumns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(JavaPattern::as_str)).finish()
    }
}

impl KeyColumns {
    /// `table:column,column;table:column`
    pub(crate) fn parse(text: &str) -> Result<Self> {
        const FORM: &str = r"^\s*([^:]+):([^:,]+(,[^:,]+)*)\s*$";
        let mut patterns = Vec::new();
        for part in text.split(';').filter(|part| !part.is_empty()) {
            let columns = part.split_once(':').filter(|(table, columns)| {
                !table.trim().is_empty()
                    && !columns.contains(':')
                    && columns.split(',').all(|column| !column.trim().is_empty())
            });
            let Some((table, columns)) = columns else {
                return Err(Error::config(format!(
                    "{part} has an invalid format (expecting '{FORM}')"
                )));
            };
            for column in columns.split(',') {
                patterns.push(super::patterns::pattern(&format!(
                    "{}.{}",
                    table.trim(),
                    column.trim()
                ))?);
            }
        }
        Ok(Self(patterns))
    }

    /// The places of the columns, in the order in which they are named; none if no rule is for this table.
    pub(super) fn of(&self, columns: &[Column], names: &Names<'_>) -> Vec<usize> {
        let mut found = Vec::new();
        for pattern in &self.0 {
            for (at, column) in columns.iter().enumerate() {
                let fits = names.of_column(&column.name).any(|name| pattern.matches(&name));
                if fits && !found.contains(&at) {
                    found.push(at);
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(list: &[(&str, &str)]) -> Result<Rules> {
        Rules::parse(&list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn java_writes_objects_with_their_length() {
        assert_eq!(java_object("ab"), [0xac, 0xed, 0, 5, 0x74, 0, 2, b'a', b'b']);
        assert_eq!(
            java_object("\0é🦀")[5..],
            [0, 10, 0xc0, 0x80, 0xc3, 0xa9, 0xed, 0xa0, 0xbe, 0xed, 0xb6, 0x80]
        );
        assert_eq!(java_object(&"x".repeat(70_000))[4..13], [0x7c, 0, 0, 0, 0, 0, 1, 0x11, 0x70]);
    }

    #[test]
    fn hashes_are_salted_and_cut() {
        let hash = Treatment::Hash {
            algorithm: Algorithm::Sha256,
            salt: b"s".as_slice().into(),
            is_java: false,
            length: Some(8),
        };
        // sha256("sabc")
        let expected = Algorithm::Sha256.hex([b"sa", b"bc"]);
        assert_eq!(hash.apply(Value::str("abc")), Value::str(&expected[..8]));
        assert_eq!(hash.apply(Value::Null), Value::Null);
    }

    #[test]
    fn rules_are_read_from_names_of_keys_and_never_show_salts() {
        let all = rules(&[
            ("column.truncate.to.5.chars", "s.t.a"),
            ("column.mask.with.3.chars", "s.t.*"),
            ("column.mask.hash.v2.SHA-256.with.salt.Xyz", "s.t.b"),
            ("column.mask.hash.MD5.with.salt.Xyz", "s.t.b"),
            ("column.mask.with.x.chars", "s.t.b"),
        ]);
        assert_eq!(all.unwrap().0.len(), 4);
        let error = rules(&[("column.mask.hash.FOO.with.salt.Xyz", "a")]).unwrap_err();
        assert!(error.message().contains("FOO") && !error.message().contains("Xyz"), "{error}");
    }

    #[test]
    fn texts_are_cut_at_whole_characters() {
        assert_eq!(cut("a🦀b", 2), "a");
        assert_eq!(cut("a🦀b", 3), "a🦀");
        assert_eq!(cut("ab", 5), "ab");
    }

    #[test]
    fn key_columns_have_a_form() {
        assert!(KeyColumns::parse("s.t:a,b; (.*).u:c").is_ok());
        for wrong in ["s.t", "s.t:", "s.t:a,,b", ":a", "a:b:c"] {
            let error = KeyColumns::parse(wrong).unwrap_err();
            assert!(error.message().contains("has an invalid format"), "{wrong}: {error}");
        }
    }
}
