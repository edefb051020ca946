//! Names of topics, schemas and fields, as Debezium makes them.

use gantry_api::Str;

/// The longest name of a topic.
const TOPIC_MAX: usize = 249;

/// How names become names that Avro takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Adjustment {
    None,
    Avro,
    AvroUnicode,
}

impl Adjustment {
    /// By its word; unknown ones are refused before.
    pub(crate) fn parse(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "avro" => Self::Avro,
            "avro_unicode" => Self::AvroUnicode,
            _ => Self::None,
        }
    }

    /// The name of a schema.
    pub(crate) fn schema(self, name: &str) -> String {
        self.adjust(name, true)
    }

    /// The name of a field.
    pub(crate) fn field(self, name: &str) -> String {
        self.adjust(name, false)
    }

    fn adjust(self, name: &str, dots: bool) -> String {
        if self == Self::None {
            return name.to_owned();
        }
        let mut adjusted = String::with_capacity(name.len());
        for (at, unit) in name.encode_utf16().enumerate() {
            let c = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
            let is_plain = c.is_ascii_alphabetic() || (self == Self::Avro && c == '_');
            let is_valid = is_plain || (at > 0 && (c.is_ascii_digit() || (dots && c == '.')));
            match (is_valid, self) {
                (true, _) => adjusted.push(c),
                (false, Self::AvroUnicode) => unicode(unit, &mut adjusted),
                (false, _) if at == 0 && c.is_ascii_digit() => adjusted.extend(['_', c]),
                (false, _) => adjusted.push('_'),
            }
        }
        adjusted
    }
}

/// A character that a name cannot have.
fn unicode(unit: u16, into: &mut String) {
    let hex = format!("{unit:x}");
    into.push_str("_u");
    if hex.len() <= 2 {
        into.push_str("00");
    }
    into.push_str(&hex);
}

/// Which parts of a table's name its topic has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Schema and table.
    Schema,
    /// Database and table.
    Database,
}

/// The names of topics.
#[derive(Clone, Debug)]
pub(crate) struct Naming {
    pub(crate) strategy: Strategy,
    /// Whether characters that a topic cannot have are kept as their numbers.
    pub(crate) is_unicode: bool,
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    pub(crate) heartbeat_prefix: String,
    pub(crate) heartbeat_name: Option<String>,
    pub(crate) transaction: String,
}

impl Naming {
    /// The topic of a table's changes.
    pub(crate) fn changes(&self, outer: Option<&str>, table: &str) -> Str {
        let parts = [Some(self.prefix.as_str()), outer, Some(table)];
        let parts: Vec<&str> =
            parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect();
        self.sanitized(&parts.join(&self.delimiter)).into()
    }

    /// The topic of what the connector says of itself while nothing changes.
    pub(crate) fn heartbeat(&self) -> Str {
        match self.heartbeat_name.as_deref() {
            Some(name) => name.into(),
            None => format!("{}{}{}", self.heartbeat_prefix, self.delimiter, self.prefix).into(),
        }
    }

    /// The topic that says where transactions begin and end.
    pub(crate) fn transactions(&self) -> Str {
        format!("{}{}{}", self.prefix, self.delimiter, self.transaction).into()
    }

    fn sanitized(&self, name: &str) -> String {
        let mut sanitized = String::with_capacity(name.len());
        let mut units = 0;
        for unit in name.encode_utf16() {
            let c = char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER);
            let is_valid = c.is_ascii_alphanumeric()
                || matches!(c, '.' | '-')
                || (c == '_' && !self.is_unicode);
            match (is_valid, self.is_unicode) {
                (true, _) => sanitized.push(c),
                (false, true) => unicode(unit, &mut sanitized),
                (false, false) => sanitized.push('_'),
            }
            units += 1;
        }
        sanitized.truncate(TOPIC_MAX);
        match sanitized.as_str() {
            "." => sanitized = "_".to_owned(),
            ".." => sanitized = "__".to_owned(),
            _ => {}
        }
        if units > 0 && sanitized != name {
            tracing::warn!(
                "Topic '{name}' name isn't a valid topic name, replacing it with '{sanitized}'."
            );
        }
        sanitized
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(is_unicode: bool) -> Naming {
        Naming {
            strategy: Strategy::Schema,
            is_unicode,
            prefix: "p".to_owned(),
            delimiter: ".".to_owned(),
            heartbeat_prefix: "__debezium-heartbeat".to_owned(),
            heartbeat_name: None,
            transaction: "transaction".to_owned(),
        }
    }

    #[test]
    fn topics_have_valid_names() {
        let plain = naming(false);
        assert_eq!(&*plain.changes(Some("public"), "orders"), "p.public.orders");
        assert_eq!(&*plain.changes(Some("public"), "my table é"), "p.public.my_table__");
        assert_eq!(&*plain.changes(None, "t"), "p.t");
        assert_eq!(&*plain.heartbeat(), "__debezium-heartbeat.p");
        assert_eq!(&*plain.transactions(), "p.transaction");
        assert_eq!(&*naming(true).changes(Some("a_b"), "é中"), "p.a_u005fb._u00e9_u4e2d");
        assert_eq!(plain.changes(Some("s"), &"x".repeat(400)).len(), TOPIC_MAX);
    }

    #[test]
    fn names_for_avro() {
        let avro = Adjustment::Avro;
        assert_eq!(avro.schema("p.public.my-t.Value"), "p.public.my_t.Value");
        assert_eq!(avro.schema("1p"), "_1p");
        assert_eq!(avro.field("a.b"), "a_b");
        assert_eq!(avro.field("9"), "_9");
        assert_eq!(Adjustment::AvroUnicode.field("a_b"), "a_u005fb");
        assert_eq!(Adjustment::AvroUnicode.field("1"), "_u0031");
        assert_eq!(Adjustment::None.field("a.b"), "a.b");
    }
}
