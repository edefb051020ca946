//! Values that fit and values that do not.

use serde_json::{Value, json};

use crate::JsonSchema;

fn errors(schema: &Value, value: &Value) -> Vec<String> {
    let schema = JsonSchema::load(&schema.to_string(), &[], true).unwrap();
    schema.validate(value).err().unwrap_or_default()
}

const MODERN: &str = "https://json-schema.org/draft/2020-12/schema";

#[test]
fn errors_say_where_and_why() {
    let schema = json!({"type": "object", "required": ["a", "z"], "additionalProperties": false,
        "properties": {"a": {"type": "array", "items": {"type": "integer", "minimum": 3}},
        "s~/": {"type": "string", "pattern": "^x", "minLength": 2, "format": "date"}}});
    assert!(errors(&schema, &json!({"a": [3, 4], "z": 1})).len() == 1);
    assert_eq!(
        errors(&schema, &json!({"a": [5, 1, "x"], "s~/": "y", "b": null})),
        [
            "#/a/1: 1 is not greater or equal to 3",
            "#/a/2: expected type: Integer, found: String",
            "#: extraneous key [b] is not permitted",
            "#/s~0~1: expected minimum length: 2, found: 1",
            "#/s~0~1: string [y] does not match pattern ^x",
            "#/s~0~1: [y] is not a valid date",
            "#: required key [z] not found",
        ]
    );
    assert_eq!(errors(&json!(false), &json!(1)), ["#: false schema always fails"]);
    assert!(errors(&json!(true), &json!(1)).is_empty());
}

#[test]
fn combinations_and_conditions() {
    let one = json!({"oneOf": [{"type": "integer"}, {"minimum": 2}]});
    assert!(errors(&one, &json!(1)).is_empty());
    assert_eq!(errors(&one, &json!(3)), ["#: 2 subschemas matched instead of one"]);
    let any = json!({"anyOf": [{"type": "integer"}, {"type": "null"}]});
    assert_eq!(
        errors(&any, &json!("x")),
        ["#: no subschema matched out of the total 2 subschemas"]
    );
    let conditional = json!({"if": {"type": "integer"}, "then": {"maximum": 5}, "else": false});
    assert!(errors(&conditional, &json!(5)).is_empty());
    assert_eq!(errors(&conditional, &json!(6)), ["#: 6 is not less or equal to 5"]);
    assert_eq!(errors(&conditional, &json!("x")), ["#: false schema always fails"]);
    assert!(!errors(&json!({"not": {"const": 1.0}}), &json!(1)).is_empty());
    assert!(errors(&json!({"enum": [{"a": [1]}, 2]}), &json!({"a": [1.0]})).is_empty());
}

#[test]
fn references_and_circles() {
    let tree = json!({"properties": {"v": {"type": "integer"}, "n": {"$ref": "#"}}});
    assert!(errors(&tree, &json!({"v": 1, "n": {"v": 2, "n": {}}})).is_empty());
    assert_eq!(
        errors(&tree, &json!({"n": {"n": {"v": "x"}}})),
        ["#/n/n/v: expected type: Integer, found: String"]
    );
    let round = json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]});
    assert!(errors(&round, &json!(1)).iter().all(|error| error.ends_with("back to itself")));
    assert!(!errors(&round, &json!(1)).is_empty());
    let dependency = gantry_schema_model::Dependency {
        name: "d.json".to_owned(),
        text: r#"{"type":"boolean"}"#.to_owned(),
    };
    let schema = JsonSchema::load(r#"{"items":{"$ref":"d.json"}}"#, &[dependency], true).unwrap();
    assert!(schema.validate(&json!([true])).is_ok());
    assert!(schema.validate(&json!([1])).is_err());
}

#[test]
fn later_drafts_track_what_was_seen() {
    let schema = json!({"$schema": MODERN, "allOf": [{"properties": {"a": true}}],
        "anyOf": [{"required": ["x"], "properties": {"b": true}}, {"properties": {"c": true}}],
        "unevaluatedProperties": false});
    assert!(errors(&schema, &json!({"a": 1, "c": 2})).is_empty());
    assert_eq!(errors(&schema, &json!({"b": 1})), ["#/b: false schema always fails"]);
    let items = json!({"$schema": MODERN, "prefixItems": [{"type": "null"}],
        "contains": {"type": "string"}, "minContains": 0, "maxContains": 1,
        "unevaluatedItems": {"type": "integer"}});
    assert!(errors(&items, &json!([null, "x", 1])).is_empty());
    assert_eq!(errors(&items, &json!([null, true])).len(), 1);
    assert_eq!(errors(&items, &json!([null, "x", "y"])).len(), 1);
    let dependent = json!({"$schema": MODERN, "dependentRequired": {"a": ["b"]},
        "dependentSchemas": {"c": {"maxProperties": 1}}});
    assert_eq!(errors(&dependent, &json!({"a": 1})), ["#: required key [b] not found"]);
    assert_eq!(errors(&dependent, &json!({"c": 1, "d": 1})).len(), 1);
}

#[test]
fn numbers_are_compared_by_worth() {
    let whole = json!({"type": "integer"});
    assert!(!errors(&whole, &json!(1.0)).is_empty());
    assert!(errors(&json!({"$schema": MODERN, "type": "integer"}), &json!(1.0)).is_empty());
    assert!(errors(&json!({"multipleOf": 0.1}), &json!(0.3)).is_empty());
    let four = json!({"$schema": "http://json-schema.org/draft-04/schema#", "maximum": 5,
        "exclusiveMaximum": true});
    assert_eq!(errors(&four, &json!(5)), ["#: 5 is not less than 5"]);
    assert!(!errors(&json!({"uniqueItems": true}), &json!([1, 1.0])).is_empty());
    assert!(errors(&json!({"propertyNames": {"maxLength": 1}}), &json!({"a": 1})).is_empty());
    assert_eq!(
        errors(&json!({"propertyNames": {"maxLength": 1}}), &json!({"ab": 1})),
        ["#: property name [ab] is not valid"]
    );
}

#[test]
fn the_deepest_schemas_and_many_errors_end() {
    let deep = format!("{}{{}}{}", r#"{"not":"#.repeat(190), "}".repeat(190));
    let schema = JsonSchema::load(&deep, &[], true).unwrap();
    assert!(schema.validate(&json!(1)).is_ok());
    let many: Vec<i32> = (0..500).collect();
    assert_eq!(errors(&json!({"items": {"type": "null"}}), &json!(many)).len(), 100);
}
