//! Annotations: the options `confluent.file_meta`, `confluent.message_meta`, ….

use gantry_schema_model::InvalidSchema;

use crate::option::{OptionValue, ProtoOption};
use crate::ordered::Ordered;

/// What is known about a file, a message, a field, an enum or one of its values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// A description.
    pub doc: Option<String>,
    /// Parameters in their order, such as `precision` and `scale`.
    pub params: Vec<(String, String)>,
    /// Tags.
    pub tags: Vec<String>,
    /// Rules for values.
    pub rules: Vec<Rule>,
}

/// A rule for values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// A description.
    pub doc: String,
    /// An expression in CEL.
    pub expr: String,
    /// An expression in SQL.
    pub sql: String,
}

impl Rule {
    fn is_empty(&self) -> bool {
        self == &Self::default()
    }
}

impl Meta {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// The parameter with this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// What all statements of an option say together. What is no text is left out.
    pub(crate) fn of(option: &ProtoOption) -> Result<Self, InvalidSchema> {
        if !matches!(option.value, OptionValue::Map(_)) {
            let kind = option.value.kind();
            return Err(InvalidSchema(format!("Unexpected custom option kind {kind}")));
        }
        let mut meta = Self {
            doc: option.value.get("doc").and_then(OptionValue::as_text).map(str::to_owned),
            ..Self::default()
        };
        let params = all(option.value.get("params"));
        let params = params.filter_map(|param| Some((text(param, "key")?, text(param, "value")?)));
        meta.params = params.collect::<Ordered<String>>().into_entries();
        meta.tags = all(option.value.get("tags")).map(ToString::to_string).collect();
        for rule in all(option.value.get("rules")) {
            let part = |name| text(rule, name).unwrap_or_default();
            let (name, doc) = (part("name"), part("doc"));
            meta.add_rule(Rule { name, doc, expr: part("expr"), sql: part("sql") });
        }
        Ok(meta)
    }

    pub(crate) fn add_rule(&mut self, rule: Rule) {
        if !rule.is_empty() {
            self.rules.push(rule);
        }
    }

    /// The option that says this; none if there is nothing to say.
    pub fn to_option(&self, name: &str) -> Option<ProtoOption> {
        let text = |text: &str| OptionValue::Text(text.to_owned());
        let entry = |(name, value): (&str, &str)| (name.to_owned(), text(value));
        let mut map = Vec::new();
        if let Some(doc) = self.doc.as_deref().filter(|doc| !doc.is_empty()) {
            map.push(entry(("doc", doc)));
        }
        if !self.params.is_empty() {
            let param = |(key, value): &(String, String)| {
                let mut pair = [("key", key.as_str()), ("value", value.as_str())];
                if matches!(key.as_str(), "precision" | "scale") {
                    // So it always was written.
                    pair.reverse();
                }
                OptionValue::Map(pair.into_iter().map(entry).collect())
            };
            let list = self.params.iter().map(param).collect();
            map.push(("params".to_owned(), OptionValue::List(list)));
        }
        if !self.tags.is_empty() {
            let list = self.tags.iter().map(|tag| text(tag)).collect();
            map.push(("tags".to_owned(), OptionValue::List(list)));
        }
        if !self.rules.is_empty() {
            let rule = |Rule { name, doc, expr, sql }: &Rule| {
                let parts = [("name", name), ("doc", doc), ("expr", expr), ("sql", sql)];
                let set = parts.into_iter().filter(|(_, value)| !value.is_empty());
                OptionValue::Map(set.map(|(name, value)| entry((name, value))).collect())
            };
            let list = self.rules.iter().map(rule).collect();
            map.push(("rules".to_owned(), OptionValue::List(list)));
        }
        if map.is_empty() {
            return None;
        }
        let (name, value) = (name.to_owned(), OptionValue::Map(map));
        Some(ProtoOption { name, value, parenthesized: true })
    }
}

/// One value, or those of a list.
fn all(value: Option<&OptionValue>) -> impl Iterator<Item = &OptionValue> {
    match value {
        Some(OptionValue::List(list)) => list.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
    .iter()
}

fn text(map: &OptionValue, key: &str) -> Option<String> {
    map.get(key).and_then(OptionValue::as_text).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::option::find;
    use crate::text::parse;

    fn meta_of(options: &str) -> Result<Meta, InvalidSchema> {
        let file = parse(&format!("syntax = \"proto3\"; {options}")).unwrap();
        Meta::of(&find(&file.options, "confluent.file_meta").unwrap())
    }

    #[test]
    fn all_ways_to_write_it() {
        let meta = meta_of(
            r#"option (confluent.file_meta).doc = "d";
            option (confluent.file_meta).tags = "T";
            option (confluent.file_meta) = {
                tags: ["U"], params: { key: "precision", value: "8" }, params: { key: "x", value: "" },
                rules: [{ name: "r", expr: "e" }, {}]
            };"#,
        )
        .unwrap();
        assert_eq!(meta.doc.as_deref(), Some("d"));
        assert_eq!(meta.tags, ["T", "U"]);
        assert_eq!((meta.param("precision"), meta.param("x")), (Some("8"), Some("")));
        assert_eq!(meta.rules.len(), 1);
        assert_eq!(Meta::of(&meta.to_option("m").unwrap()).unwrap(), meta);
        assert_eq!(Meta::default().to_option("m"), None);
    }

    #[test]
    fn it_must_be_a_message() {
        let error = meta_of("option (confluent.file_meta) = \"x\";").unwrap_err();
        assert_eq!(error.0, "Unexpected custom option kind STRING");
    }
}
