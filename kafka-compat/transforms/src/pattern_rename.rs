//! RocketMQ Connect's PatternRename: renames fields by a regular expression.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::regex::JavaPattern;
use gantry_model::{ConnectRecord, Error, Result};

use crate::support::{FieldRenamer, rocketmq_keyed};

const PURPOSE: &str = "rename fields";
const PATTERN: &str = "field.pattern";
const FLAGS: &str = "field.pattern.flags";
const REPLACEMENT: &str = "field.replacement";

/// Java's flags with the letters that set them within a pattern.
const FLAG_LETTERS: [(&str, char); 6] = [
    ("CASE_INSENSITIVE", 'i'),
    ("COMMENTS", 'x'),
    ("DOTALL", 's'),
    ("MULTILINE", 'm'),
    ("UNICODE_CASE", 'u'),
    ("UNIX_LINES", 'd'),
];
/// The pattern is a text as it is.
const LITERAL: &str = "LITERAL";
/// Java's flags that the engine has nothing for.
const UNSUPPORTED: [&str; 2] = ["CANON_EQ", "UNICODE_CHARACTER_CLASS"];

struct PatternRename {
    pattern: JavaPattern,
    replacement: String,
    renamer: FieldRenamer,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    rocketmq_keyed("PatternRename", config, |config: &ParsedConfig, side| {
        let pattern = config.string(PATTERN).unwrap_or_default();
        Ok(Box::new(PatternRename {
            pattern: compile(pattern, config.list(FLAGS))?,
            replacement: config.string(REPLACEMENT).unwrap_or_default().to_owned(),
            renamer: FieldRenamer::new(side, PURPOSE),
        }))
    })
}

fn config() -> ConfigDef {
    let known = FLAG_LETTERS.iter().map(|(name, _)| *name).chain([LITERAL]).chain(UNSUPPORTED);
    ConfigDef::new()
        .define(ConfigKey::required(
            PATTERN,
            Type::String,
            Importance::High,
            "Java regular expression that is looked for in the names of fields.",
        ))
        .define(
            ConfigKey::new(
                FLAGS,
                Type::List,
                "",
                Importance::Low,
                "Flags of the expression: CASE_INSENSITIVE, COMMENTS, DOTALL, LITERAL, MULTILINE, \
                 UNICODE_CASE, UNIX_LINES.",
            )
            .validator(Validator::ValidList(known.map(str::to_owned).collect())),
        )
        .define(ConfigKey::required(
            REPLACEMENT,
            Type::String,
            Importance::High,
            "What each find in a name becomes; $1 and ${name} stand for groups.",
        ))
}

fn compile(pattern: &str, flags: &[String]) -> Result<JavaPattern> {
    if let Some(flag) = flags.iter().find(|flag| UNSUPPORTED.contains(&flag.as_str())) {
        return Err(Error::config(format!(
            "Invalid value {flag} for configuration {FLAGS}: this flag is not supported, remove it"
        )));
    }
    let literal = flags.iter().any(|flag| flag == LITERAL);
    let mut letters = String::new();
    for (name, letter) in FLAG_LETTERS {
        // The others mean nothing to a plain text.
        let counts = !literal || matches!(letter, 'i' | 'u');
        if counts && flags.iter().any(|flag| flag == name) {
            letters.push(letter);
        }
    }
    let text = if literal {
        format!("\\Q{}\\E", pattern.replace("\\E", "\\E\\\\E\\Q"))
    } else {
        pattern.to_owned()
    };
    let flagged = match letters.as_str() {
        "" => text,
        // The line end closes a comment that may stand last.
        letters if letters.contains('x') => format!("(?{letters}){text}\n"),
        letters => format!("(?{letters}){text}"),
    };
    JavaPattern::compile(&flagged).map_err(|error| {
        Error::config(format!(
            "Invalid value {pattern} for configuration {PATTERN}: Invalid regex: {}",
            error.message()
        ))
    })
}

impl Transformation for PatternRename {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self { pattern, replacement, renamer } = self;
        renamer.apply(record, |name| {
            if !pattern.is_found(name) {
                return Ok(None);
            }
            pattern.replace_all(name, replacement).map(Some)
        })?;
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::{MapValue, Value};

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    const CLASS: &str = "PatternRename$Value";

    fn rename(config: &[(&str, &str)], input: Value) -> Result<Value> {
        let out = make(CLASS, config)?.change(record(input))?;
        Ok(out.expect("kept").value.value)
    }

    #[test]
    fn every_find_in_a_name_is_replaced() {
        let config = [("field.pattern", "([ae])"), ("field.replacement", "<$1>")];
        let input = map(&[("user_name", Value::Int8(1)), ("x", Value::Int8(2))]);
        let expected = map(&[("us<e>r_n<a>m<e>", Value::Int8(1)), ("x", Value::Int8(2))]);
        assert_eq!(rename(&config, input).expect("renames"), expected);
    }

    #[test]
    fn a_struct_gets_a_schema_with_all_but_the_names() {
        let config = [("field.pattern", "^i"), ("field.replacement", "my.i")];
        let mut t = make(CLASS, &config).expect("valid");
        let input = struct_record();
        let old = input.value.schema.clone().expect("a schema");
        let named = old.to_builder().name(Some("n".into())).version(Some(3)).optional();
        let named = named.doc(Some("d".into())).parameter("p", "q").build_plain();
        let mut first = None;
        for _ in 0..2 {
            let mut input = input.clone();
            input.value.schema = Some(named.clone());
            let values = vec![Value::Int32(1), Value::Null];
            let inner = gantry_model::Struct::from_values(named.clone(), values.clone());
            input.value.value = Value::Struct(std::sync::Arc::new(inner));
            let out = t.change(input).expect("applies").expect("kept");
            let schema = out.value.schema.expect("a schema");
            let names: Vec<_> =
                schema.fields().expect("fields").list().iter().map(|f| &*f.name).collect();
            assert_eq!(names, ["my.id", "d"]);
            assert_eq!(schema.name().map(|n| &**n), Some("n"));
            assert_eq!((schema.version(), schema.is_optional()), (Some(3), true));
            assert_eq!(schema.parameters(), named.parameters());
            assert_eq!(schema.doc(), named.doc());
            let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
            assert_eq!(inner.values(), values);
            inner.validate().expect("fits");
            // Built once.
            assert!(first.get_or_insert_with(|| schema.clone()).same(&schema));
        }
    }

    #[test]
    fn what_changes_nothing_is_the_same_object() {
        let config = [("field.pattern", "zz"), ("field.replacement", "x")];
        let mut t = make(CLASS, &config).expect("valid");
        let input = struct_record();
        let out = t.change(input.clone()).expect("applies").expect("kept");
        assert_eq!(out.value, input.value);
        let (old, new) = (input.value.schema.expect("one"), out.value.schema.expect("one"));
        assert!(old.same(&new));
    }

    #[test]
    fn flags_are_javas() {
        let one = |flags: &str, pattern: &str, name: &str| {
            let config = [
                ("field.pattern", pattern),
                ("field.pattern.flags", flags),
                ("field.replacement", "-"),
            ];
            let out = rename(&config, map(&[(name, Value::Null)])).expect("renames");
            let Value::Map(out) = out else { panic!("a map") };
            out.entries()[0].0.as_str().expect("a text").to_owned()
        };
        assert_eq!(one("", "USER", "user"), "user");
        assert_eq!(one("CASE_INSENSITIVE", "USER", "user"), "-");
        assert_eq!(one("LITERAL", "a.b", "a.b axb"), "- axb");
        assert_eq!(one("LITERAL , CASE_INSENSITIVE", "A.B", "a.b axb"), "- axb");
        assert_eq!(one("LITERAL,COMMENTS", r"a\E b", r"a\E b"), "-");
        assert_eq!(one("COMMENTS", "a b # c", "ab"), "-");
        assert_eq!(one("DOTALL", "a.b", "a\nb"), "-");
        assert_eq!(one("UNIX_LINES", "a.b", "a\rb"), "-");
        assert_eq!(one("MULTILINE", "^b", "a\nb"), "a\n-");
    }

    #[test]
    fn a_map_with_a_schema_keeps_it() {
        let config = [("field.pattern", "a"), ("field.replacement", "x")];
        let mut t = make(CLASS, &config).expect("valid");
        let mut input = record(map(&[("a", Value::Int32(1))]));
        let (key, value) = (gantry_model::Schema::string(), gantry_model::Schema::int32());
        let schema = gantry_model::SchemaBuilder::new(gantry_model::Kind::Map { key, value });
        input.value.schema = Some(schema.build_plain());
        let out = t.change(input.clone()).expect("applies").expect("kept");
        assert_eq!(out.value.schema, input.value.schema);
        assert_eq!(out.value.value, map(&[("x", Value::Int32(1))]));
        // The record that was given is somebody else's too.
        assert_eq!(input.value.value, map(&[("a", Value::Int32(1))]));
    }

    #[test]
    fn no_field_is_lost_to_another() {
        let config = [("field.pattern", "i?d"), ("field.replacement", "x")];
        let text = "Fields \"id\" and \"d\" would both be called \"x\" for [rename fields]";
        let both = map(&[("id", Value::Null), ("d", Value::Null)]);
        assert_eq!(error_text(rename(&config, both)), text);
        let mut t = make(CLASS, &config).expect("valid");
        assert_eq!(error_text(t.change(struct_record())), text);
        let other = map(&[("a", Value::Null), ("x", Value::Null)]);
        let config = [("field.pattern", "a"), ("field.replacement", "x")];
        assert!(error_text(rename(&config, other)).contains("\"a\" and \"x\""));
    }

    #[test]
    fn only_what_has_fields_can_be_renamed_and_nulls_pass() {
        let config = [("field.pattern", "a"), ("field.replacement", "x")];
        assert_eq!(rename(&config, Value::Null).expect("passes"), Value::Null);
        let mut t = make(CLASS, &config).expect("valid");
        let mut tombstone = struct_record();
        tombstone.value.value = Value::Null;
        assert_eq!(
            t.change(tombstone.clone()).expect("passes").expect("kept").value,
            tombstone.value
        );
        assert_eq!(
            error_text(rename(&config, Value::str("a"))),
            "Only Map objects supported in absence of schema for [rename fields], found: \
             java.lang.String"
        );
        let mut text = record(Value::str("a"));
        text.value.schema = Some(gantry_model::Schema::string());
        assert_eq!(
            error_text(t.change(text)),
            "Only Struct objects supported for [rename fields], found: java.lang.String"
        );
        let numbers = MapValue::from_distinct(vec![(Value::Int32(1), Value::Null)]);
        assert!(error_text(rename(&config, Value::map(numbers))).contains("java.lang.Integer"));
        let config = [("field.pattern", "a"), ("field.replacement", "$1")];
        assert_eq!(error_text(rename(&config, map(&[("a", Value::Null)]))), "No group 1");
    }

    #[test]
    fn the_configuration_is_checked() {
        let check = |pairs: &[(&str, &str)]| error_text(make(CLASS, pairs));
        let text = check(&[("field.pattern", "("), ("field.replacement", "")]);
        assert!(text.starts_with("Invalid value ( for configuration field.pattern: "), "{text}");
        let all = |flag| {
            check(&[
                ("field.pattern", "a"),
                ("field.replacement", ""),
                ("field.pattern.flags", flag),
            ])
        };
        assert!(all("X").contains("field.pattern.flags"), "{}", all("X"));
        assert_eq!(
            all("DOTALL,CANON_EQ"),
            "Invalid value CANON_EQ for configuration field.pattern.flags: this flag is not \
             supported, remove it"
        );
        assert!(check(&[("field.pattern", "a")]).contains("\"field.replacement\""));
        assert!(check(&[("field.replacement", "a")]).contains("\"field.pattern\""));
    }
}
