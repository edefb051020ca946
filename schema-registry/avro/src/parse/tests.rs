use gantry_schema_model::{Dependency, Format, Node, ParsedSchema};

use crate::{Avro, AvroSchema, Kind, Logical, Order, Primitive, Type};

fn read(text: &str) -> AvroSchema {
    Avro::parse(text, &[], true).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn wrong(text: &str) -> String {
    Avro::parse(text, &[], true).unwrap_err().to_string()
}

fn with(text: &str, dependencies: &[&str], is_new: bool) -> Result<AvroSchema, String> {
    let dependencies: Vec<Dependency> = dependencies
        .iter()
        .map(|text| Dependency { name: String::new(), text: (*text).to_owned() })
        .collect();
    Avro::parse(text, &dependencies, is_new).map_err(|error| error.to_string())
}

#[test]
fn the_canonical_text_has_all_parts_in_one_order() {
    for (text, canonical) in [
        (r#" {"type" : "int"} "#, r#""int""#),
        (r#"{"logicalType":"date","type":"int"}"#, r#"{"type":"int","logicalType":"date"}"#),
        (r#"["null", {"type":"string"}]"#, r#"["null","string"]"#),
        (
            r#"{"symbols":["A","B"],"default":"A","name":"a.E","aliases":["X","b.Y"],"type":"enum"}"#,
            r#"{"type":"enum","name":"E","namespace":"a","symbols":["A","B"],"default":"A","aliases":["X","b.Y"]}"#,
        ),
        (
            r#"{"size":4,"doc":"d","name":"F","type":"fixed","p":1e2}"#,
            r#"{"type":"fixed","name":"F","doc":"d","size":4,"p":100.0}"#,
        ),
        (
            concat!(
                r#"{"fields":[{"aliases":["z"],"order":"ignore","default":1,"doc":"d","p":null,"#,
                r#""type":"long","name":"a"},{"name":"r","type":"n.R","order":"ascending"},"#,
                r#"{"name":"s","type":{"type":"record","name":"S","namespace":"","fields":[]}}],"#,
                r#""name":"R","namespace":"n","type":"record"}"#
            ),
            concat!(
                r#"{"type":"record","name":"R","namespace":"n","fields":[{"name":"a","#,
                r#""type":"long","doc":"d","default":1,"order":"ignore","aliases":["z"],"#,
                r#""p":null},{"name":"r","type":"R"},{"name":"s","type":{"type":"record","#,
                r#""name":"S","namespace":"","fields":[]}}]}"#
            ),
        ),
    ] {
        let schema = read(text);
        assert_eq!(schema.canonical(), canonical);
        assert_eq!(read(canonical).canonical(), canonical);
    }
}

#[test]
fn what_the_model_shows() {
    let schema = read(concat!(
        r#"{"type":"record","name":"R","namespace":"n","doc":"d","aliases":["Old"],"p":[1],"#,
        r#""fields":[{"name":"next","type":["null","R"],"default":null},"#,
        r#"{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"},"#,
        r#""order":"descending","default":5},{"name":"d","type":"double","default":"NaN"}]}"#
    ));
    assert_eq!(schema.name().as_deref(), Some("n.R"));
    let Type::Named(id) = schema.root() else { panic!("{schema:?}") };
    let record = schema.types().get(*id);
    assert_eq!((record.name.simple(), record.name.space()), ("R", Some("n")));
    assert_eq!(record.doc.as_deref(), Some("d"));
    assert_eq!(record.aliases.iter().map(|alias| alias.full()).collect::<Vec<_>>(), ["n.Old"]);
    assert_eq!(record.attributes.properties.get("p").unwrap().to_string(), "[1]");
    let Kind::Record { fields, is_error: false } = &record.kind else { panic!("{record:?}") };
    let [next, at, d] = fields.as_slice() else { panic!("{fields:?}") };
    let null = Type::Primitive(Primitive::Null, crate::Attributes::default());
    assert_eq!(next.schema, Type::Union(vec![null, Type::Named(*id)]));
    assert_eq!(next.default, Some(Node::Null));
    assert_eq!(at.schema.attributes().unwrap().logical, Some(Logical::TimestampMillis));
    assert_eq!(at.order, Order::Descending);
    assert_eq!(d.default, Some(Node::Text("NaN".to_owned())));
    assert_eq!(schema.types().by_name("n.R"), Some(record));
}

#[test]
fn texts_that_are_no_schemas() {
    for (text, message) in [
        ("1", "Schema not yet supported: 1"),
        ("", "Cannot parse <null> schema"),
        (r#""int" x"#, "dangling content after end of schema: x"),
        ("{}", "No type: {}"),
        (r#"{"type":["int"]}"#, r#"No type: {"type":["int"]}"#),
        (r#"{"type":"array"}"#, r#"Array has no items type: {"type":"array"}"#),
        (r#"{"type":"map"}"#, r#"Map has no values type: {"type":"map"}"#),
        (r#"{"type":"enum","name":"E"}"#, r#"Enum has no symbols: {"type":"enum","name":"E"}"#),
        (
            r#"{"type":"record","name":"R"}"#,
            r#"Record has no fields: {"type":"record","name":"R"}"#,
        ),
        (r#"{"type":"record","fields":[]}"#, r#"No name in schema: {"type":"record","fields":[]}"#),
        (
            r#"{"type":"fixed","name":"F","size":"4"}"#,
            r#"Invalid or no size: {"type":"fixed","name":"F","size":"4"}"#,
        ),
        (r#"{"type":"fixed","name":"F","size":-1}"#, "Malformed data. Length is negative: -1"),
        (r#"{"type":"fixed","name":"int","size":1}"#, {
            "Schemas may not be named after primitives: int"
        }),
        (r#"["int","int"]"#, "Duplicate in union:int"),
        (r#"["int",["null"]]"#, r#"Nested union: ["int",["null"]]"#),
        (r#"{"type":"enum","name":"E","symbols":["A","A"]}"#, "Duplicate enum symbol: A"),
        (r#"{"type":"enum","name":"E","symbols":["A","B"],"default":"C"}"#, {
            "The Enum Default: C is not in the enum symbol set: [A, B]"
        }),
        (r#"{"type":"fixed","name":"F","size":1,"aliases":"X"}"#, {
            r#"aliases not an array: {"type":"fixed","name":"F","size":1,"aliases":"X"}"#
        }),
        (r#"{"type":"array","items":"n.X"}"#, "Undefined schema: n.X"),
    ] {
        assert_eq!(wrong(text), message, "{text}");
    }
}

fn wrong_fields(fields: &str) -> String {
    wrong(&format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{fields}]}}"#))
}

#[test]
fn fields_that_are_none() {
    for (fields, message) in [
        ("5", "No field name: 5"),
        (r#"{"name":"a"}"#, r#"No field type: {"name":"a"}"#),
        (r#"{"name":"a-b","type":"int"}"#, "Illegal character in: a-b"),
        (r#"{"name":"a","type":"int","order":"up"}"#, {
            "No enum constant org.apache.avro.Schema.Field.Order.UP"
        }),
        (r#"{"name":"a","type":"int","default":"x"}"#, {
            r#"Invalid default for field a: "x" not a "int""#
        }),
        (r#"{"name":"a","type":"int","default":2147483648}"#, {
            r#"Invalid default for field a: 2147483648 not a "int""#
        }),
        (r#"{"name":"a","type":"double","default":"x"}"#, r#"For input string: "x""#),
        (r#"{"name":"a","type":"int"},{"name":"a","type":"R"}"#, {
            "Duplicate field a in record n.R: a type:RECORD pos:1 and a type:INT pos:0."
        }),
        (
            concat!(
                r#"{"name":"a","type":{"type":"fixed","name":"F","size":1}},"#,
                r#"{"name":"b","type":{"type":"fixed","name":"F","size":2}}"#
            ),
            "Can't redefine: n.F",
        ),
        (
            concat!(
                r#"{"name":"a","type":{"type":"record","name":"S","fields":[{"name":"x","#,
                r#""type":"int"}]},"default":{"x":null}}"#
            ),
            concat!(
                r#"Invalid default for field a: {"x":null} not a {"type":"record","name":"S","#,
                r#""namespace":"n","fields":[{"name":"x","type":"int"}]}"#
            ),
        ),
    ] {
        assert_eq!(wrong_fields(fields), message, "{fields}");
    }
}

#[test]
fn defaults_that_fit() {
    for (schema, default) in [
        (r#"["null","int"]"#, "null"),
        (r#"["null","int"]"#, "1"),
        (r#""double""#, "1"),
        (r#""float""#, "\" 1.5f\""),
        (r#"{"type":"map","values":"long"}"#, r#"{"a":9223372036854775807}"#),
        (r#"{"type":"array","items":"bytes"}"#, "[\"\\u00ff\"]"),
        (r#"{"type":"record","name":"S","fields":[{"name":"x","type":"int","default":0}]}"#, "{}"),
    ] {
        let field = format!(r#"{{"name":"a","type":{schema},"default":{default}}}"#);
        read(&format!(r#"{{"type":"record","name":"R","fields":[{field}]}}"#));
    }
}

#[test]
fn names_may_stand_before_their_definition() {
    let schema = read(concat!(
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"E"},"#,
        r#"{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}}]}"#
    ));
    assert_eq!(
        schema.canonical(),
        concat!(
            r#"{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"enum","#,
            r#""name":"E","symbols":["A"]}},{"name":"e","type":"E"}]}"#
        )
    );
    assert_eq!(wrong(r#"["E",{"type":"enum","name":"E","symbols":[]}]"#), "Duplicate in union:E");
    // The default is looked at again with the type that is known then.
    let message = wrong_fields(concat!(
        r#"{"name":"a","type":"E","default":{}},"#,
        r#"{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}}"#
    ));
    assert!(message.starts_with("Invalid default for field a: {} not a {\"type\":\"enum\""));
    // Two records that hold each other.
    read(concat!(
        r#"{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record","name":"B","#,
        r#""fields":[{"name":"a","type":["null","A"],"default":null}]},"default":{}}]}"#
    ));
}

#[test]
fn dependencies_are_referred_to() {
    let inner = r#"{"type":"record","name":"I","namespace":"n","fields":[]}"#;
    let outer =
        r#"{"type":"record","name":"O","namespace":"n","fields":[{"name":"i","type":"n.I"}]}"#;
    let schema = with(outer, &[inner], true).unwrap();
    assert_eq!(
        schema.canonical(),
        r#"{"type":"record","name":"O","namespace":"n","fields":[{"name":"i","type":"I"}]}"#
    );
    assert_eq!(
        schema.formatted("resolved").unwrap(),
        concat!(
            r#"{"type":"record","name":"O","namespace":"n","fields":[{"name":"i","type":"#,
            r#"{"type":"record","name":"I","fields":[]}}]}"#
        )
    );
    assert_eq!(schema.formatted("other").unwrap(), schema.canonical());
    assert_eq!(schema.normalized(), schema.canonical());
    assert_eq!(with(outer, &[], true).unwrap_err(), "Undefined schema: n.I");
    // Only what a dependency is, not what else it defines, is left out.
    let pair = r#"["null",{"type":"fixed","name":"F","size":1}]"#;
    let schema = with(r#"{"type":"array","items":"F"}"#, &[pair], true).unwrap();
    assert_eq!(
        schema.canonical(),
        r#"{"type":"array","items":{"type":"fixed","name":"F","size":1}}"#
    );
}

#[test]
fn registered_schemas_are_held_to_fewer_rules() {
    let field =
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int","default":"x"}]}"#;
    assert!(with(field, &[], true).is_err());
    assert!(with(field, &[], false).is_ok());
    let space = r#"{"type":"fixed","name":"F","namespace":"a-b","size":1}"#;
    let message = "Namespace part \"a-b\" is invalid: Illegal character in: a-b";
    assert_eq!(with(space, &[], true).unwrap_err(), message);
    assert!(with(space, &[], false).is_ok());
    let name = r#"{"type":"fixed","name":"a-b","size":1}"#;
    assert_eq!(with(name, &[], false).unwrap_err(), "Illegal character in: a-b");
    assert!(with(r#"{"type":"fixed","name":"é","size":1}"#, &[], false).is_ok());
}

#[test]
fn depth_is_limited() {
    let deep = |levels| {
        let (begin, end) = (r#"{"type":"array","items":"#.repeat(levels), "}".repeat(levels));
        format!("{begin}\"int\"{end}")
    };
    let schema = read(&deep(249));
    assert_eq!(schema.normalized(), schema.canonical());
    assert!(Avro::incompatibilities(&schema, &schema).is_empty());
    assert_eq!(wrong(&deep(251)), "Schema is nested too deep");
    assert!(wrong(&deep(501)).contains("nesting depth"));
    // Names lead deeper than brackets do.
    let chain = |records: usize| {
        let record = |at: usize| {
            let next = if at + 1 < records { format!("R{}", at + 1) } else { "int".to_owned() };
            format!(
                r#"{{"type":"record","name":"R{at}","fields":[{{"name":"f","type":"{next}"}}]}}"#
            )
        };
        format!("[{}]", (0..records).map(record).collect::<Vec<_>>().join(","))
    };
    let schema = read(&chain(100));
    assert_eq!(read(schema.canonical()).canonical(), schema.canonical());
    assert!(Avro::incompatibilities(&schema, &schema).is_empty());
    for records in [200, 10_000] {
        assert_eq!(wrong(&chain(records)), "Schema is nested too deep");
    }
}

#[test]
fn depth_of_dependencies_is_limited() {
    let deep = |count: usize| {
        let record = |at: usize, kind: &str| {
            format!(
                r#"{{"type":"record","name":"R{at}","fields":[{{"name":"f","type":"{kind}"}}]}}"#
            )
        };
        let mut texts = vec![record(0, "int")];
        texts.extend((1..count).map(|at| record(at, &format!("R{}", at - 1))));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        with(&format!(r#"{{"type":"array","items":"R{}"}}"#, count - 1), &texts, true).unwrap()
    };
    let schema = deep(240);
    assert_eq!(schema.canonical(), r#"{"type":"array","items":"R239"}"#);
    assert!(schema.formatted("resolved").is_ok());
    assert!(Avro::incompatibilities(&schema, &schema).is_empty());
    let schema = deep(260);
    assert!(schema.formatted("resolved").is_err());
    assert_eq!(
        Avro::incompatibilities(&schema, &schema),
        ["Unexpected exception during compatibility check: Schemas are nested too deep"]
    );
}

#[test]
fn defaults_that_multiply_are_refused() {
    let mut records = vec![r#"{"type":"record","name":"R0","fields":[]}"#.to_owned()];
    for at in 1..40 {
        let inner = at - 1;
        let field = |name| format!(r#"{{"name":"{name}","type":"R{inner}","default":{{}}}}"#);
        let (a, b) = (field("a"), field("b"));
        records.push(format!(r#"{{"type":"record","name":"R{at}","fields":[{a},{b}]}}"#));
    }
    assert_eq!(wrong(&format!("[{}]", records.join(","))), "Schema is nested too deep");
}
