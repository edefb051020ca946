//! Comparisons beyond the recorded cases.

use super::*;
use crate::JsonSchema;

fn schema(text: &str) -> JsonSchema {
    JsonSchema::load(text, &[], true).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// Kinds and paths of what keeps a new schema from reading what was written with an old one.
fn found(old: &str, new: &str) -> Vec<String> {
    found_under(old, new, Policy::Strict)
}

fn found_under(old: &str, new: &str, policy: Policy) -> Vec<String> {
    let differences = schema(new).differences(&schema(old), policy).unwrap();
    differences.iter().map(|found| format!("{} {}", found.kind.name(), found.path)).collect()
}

const MODERN: &str = r#""$schema":"https://json-schema.org/draft/2020-12/schema""#;

fn modern(rest: &str) -> String {
    format!("{{{MODERN},{rest}}}")
}

#[test]
fn differences_come_in_javas_order() {
    let old = r#"{"properties":{"h":{"type":"null"},"d":{"type":"null"},"p":{"type":"null"}}}"#;
    let new = r#"{"properties":{"d":{},"h":false,"p":{"type":"string"},"z":{"type":"null"}}}"#;
    assert_eq!(
        found(old, new),
        [
            "TYPE_CHANGED #/properties/p",
            "TYPE_CHANGED #/properties/h",
            "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL #/properties/z",
        ]
    );
}

#[test]
fn lenient_admits_new_properties() {
    let old = r#"{"type":"object","properties":{"a":{"type":"string"}}}"#;
    let new = r#"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}}}"#;
    assert_eq!(found(old, new).len(), 1);
    assert!(found_under(old, new, Policy::Lenient).is_empty());
    let closed = r#"{"type":"object","properties":{"a":{"type":"integer"}},
        "additionalProperties":false}"#;
    assert_eq!(found_under(old, closed, Policy::Lenient), ["TYPE_CHANGED #/properties/a"]);
}

#[test]
fn a_circle_is_walked_as_in_java() {
    let with = |name: &str| {
        format!(r##"{{"properties":{{"v":{{"type":"{name}"}},"n":{{"$ref":"#"}}}}}}"##)
    };
    let (old, new) = (with("string"), with("integer"));
    let twice = ["TYPE_CHANGED #/properties/v", "TYPE_CHANGED #/properties/n/properties/v"];
    let mut classic = found(&old, &new);
    classic.sort_by_key(String::len);
    assert_eq!(classic, twice);
    let tree = |name: &str| {
        modern(&format!(
            r##""$ref":"#/$defs/t","$defs":{{"t":{{"properties":{{"v":{{"type":"{name}"}},
                "n":{{"$ref":"#/$defs/t"}}}}}}}}"##
        ))
    };
    let mut later = found(&tree("string"), &tree("integer"));
    later.sort_by_key(String::len);
    assert_eq!(later, twice);
}

#[test]
fn a_reference_to_a_reference_is_followed_once() {
    let with = |target: &str| {
        format!(
            r##"{{"properties":{{"a":{{"$ref":"#/definitions/{target}"}}}},
            "definitions":{{"r":{{"$ref":"#/definitions/s"}},"s":{{"type":"string"}},
            "n":{{"$ref":"#/definitions/i"}},"i":{{"type":"integer"}}}}}}"##
        )
    };
    assert_eq!(found(&with("s"), &with("r")), ["TYPE_CHANGED #/properties/a"]);
    assert!(found(&with("r"), &with("n")).is_empty());
}

#[test]
fn unevaluated_properties_and_items_count() {
    let old = modern(r#""type":"object","properties":{"a":{"type":"string"}}"#);
    let new = modern(
        r#""type":"object","properties":{"a":{"type":"string"}},"unevaluatedProperties":false"#,
    );
    assert_eq!(found(&old, &new), ["UNEVALUATED_PROPERTIES_REMOVED #/unevaluatedProperties"]);
    assert!(found(&new, &old).is_empty());
    let old = modern(r#""type":"array","unevaluatedItems":true"#);
    let new = modern(r#""type":"array","unevaluatedItems":{"type":"string"}"#);
    assert_eq!(found(&old, &new), ["UNEVALUATED_ITEMS_NARROWED #/unevaluatedItems"]);
    let old = modern(r#""type":"array","prefixItems":[{"type":"string"}]"#);
    let new = modern(r#""type":"array","prefixItems":[{"type":"string"}],"items":false"#);
    assert_eq!(found(&old, &new), ["ADDITIONAL_ITEMS_REMOVED #/additionalItems"]);
}

#[test]
fn limits_of_contains_count() {
    let old = modern(r#""type":"array","contains":{"type":"null"}"#);
    let new =
        modern(r#""type":"array","contains":{"type":"null"},"minContains":2,"maxContains":3"#);
    assert_eq!(
        found(&old, &new),
        ["MAX_CONTAINS_ADDED #/maxContains", "MIN_CONTAINS_INCREASED #/minContains"]
    );
    assert!(found(&new, &old).is_empty());
}

#[test]
fn numbers_dependencies_and_negations() {
    assert_eq!(
        found(r#"{"exclusiveMaximum":9,"minimum":1.0}"#, r#"{"exclusiveMaximum":5,"minimum":1}"#),
        ["EXCLUSIVE_MAXIMUM_DECREASED #/exclusiveMaximum"]
    );
    assert_eq!(
        found(r#"{"dependencies":{"a":["b"]}}"#, r#"{"dependencies":{"a":["b","c"],"d":{}}}"#),
        ["DEPENDENCY_ARRAY_EXTENDED #/dependencies/a", "DEPENDENCY_SCHEMA_ADDED #/dependencies/d"]
    );
    assert_eq!(
        found(r#"{"not":{"type":"integer"}}"#, r#"{"not":{"type":"number"}}"#),
        ["NOT_TYPE_EXTENDED #/not"]
    );
    assert!(found(r#"{"not":{"type":"number"}}"#, r#"{"not":{"type":"integer"}}"#).is_empty());
}

#[test]
fn values_are_compared_as_java_does() {
    let narrowed = ["ENUM_ARRAY_NARROWED #/enum"];
    let old = r#"{"enum":[{"a":1,"b":[2]},1,1.0,"x"]}"#;
    assert!(found(old, r#"{"enum":["x",1.0,1,{"b":[2],"a":1}]}"#).is_empty());
    assert_eq!(found(old, r#"{"enum":["x",1,{"b":[2],"a":1}]}"#), narrowed);
    assert_eq!(found(r#"{"const":1}"#, r#"{"const":1.0}"#), ["ENUM_ARRAY_CHANGED #/const"]);
    let many = |count: usize| {
        let values: Vec<String> = (0..count).map(|at| format!("{at}")).collect();
        format!(r#"{{"enum":[{}]}}"#, values.join(","))
    };
    assert!(found(&many(20_000), &many(20_001)).is_empty());
    assert_eq!(found(&many(20_001), &many(20_000)), narrowed);
}

#[test]
fn connects_bytes_may_change_their_type() {
    let old = r#"{"properties":{"a":{"type":"string","connect.type":"bytes"}}}"#;
    let new = r#"{"properties":{"a":{"type":"number","connect.type":"bytes"}}}"#;
    assert!(found(old, new).is_empty());
    assert_eq!(found(old, r#"{"properties":{"a":{"type":"number"}}}"#).len(), 1);
}

#[test]
fn schemas_that_say_the_same_count_once() {
    let old = r#"{"oneOf":[{"enum":["a","b"]},{"enum":["b","a"]},{"type":"null"}]}"#;
    let new = r#"{"oneOf":[{"type":"null"},{"enum":["a","b"]}]}"#;
    assert!(found(old, new).is_empty());
    let new = r#"{"oneOf":[{"type":"null","title":"x"},{"type":"null"},{"enum":["a","b"]}]}"#;
    assert!(found(old, new).is_empty());
    assert_eq!(found(new, old), ["SUM_TYPE_NARROWED #/"]);
}

#[test]
fn what_leads_to_itself_alone_fits_nothing() {
    let string = r#"{"type":"string"}"#;
    let round = r##"{"oneOf":[{"$ref":"#"},{"type":"integer"}]}"##;
    assert_eq!(found(string, round), ["TYPE_CHANGED #/"]);
    let fits = r##"{"oneOf":[{"$ref":"#"},{"type":"string"}]}"##;
    assert!(found(string, fits).is_empty());
    let all = r##"{"allOf":[{"$ref":"#"},{"$ref":"#"}]}"##;
    assert!(!found(all, string).is_empty());
}

/// Definitions of which each has a property for every other.
fn all_to_all(count: usize, leaf: &str) -> String {
    let definitions: Vec<String> = (0..count)
        .map(|at| {
            let properties: Vec<String> = (0..count)
                .map(|to| format!(r##""p{to}":{{"$ref":"#/definitions/d{to}"}}"##))
                .collect();
            let leaf = if at + 1 == count { leaf } else { "string" };
            format!(
                r#""d{at}":{{"type":"object","additionalProperties":false,"properties":
                    {{"v":{{"type":"{leaf}"}},{}}}}}"#,
                properties.join(",")
            )
        })
        .collect();
    format!(r##"{{"$ref":"#/definitions/d0","definitions":{{{}}}}}"##, definitions.join(","))
}

#[test]
fn comparing_many_circles_ends() {
    for count in [20, 80] {
        let same = all_to_all(count, "string");
        assert!(found(&same, &same).is_empty());
        let other = all_to_all(count, "integer");
        let differences = found(&same, &other);
        assert!(differences.iter().any(|found| found.starts_with("TYPE_CHANGED")));
    }
}

#[test]
fn comparing_along_many_paths_ends() {
    // Each definition refers to the next twice: two to the power of fifty paths.
    let doubling = |leaf: &str| {
        let definitions: Vec<String> = (0..50)
            .map(|at| {
                let next = format!("#/definitions/d{}", at + 1);
                format!(
                    r#""d{at}":{{"properties":{{"a":{{"$ref":"{next}"}},"b":{{"$ref":"{next}"}}}}}}"#
                )
            })
            .collect();
        format!(
            r##"{{"$ref":"#/definitions/d0","definitions":{{{},"d50":{{"type":"{leaf}"}}}}}}"##,
            definitions.join(",")
        )
    };
    let (old, new) = (doubling("string"), doubling("integer"));
    assert!(found(&old, &old).is_empty());
    let differences = found(&old, &new);
    assert_eq!(differences.last().map(String::as_str), Some("SCHEMA_TOO_COMPLEX #/"));
}

/// Definitions of which each has a property for the next, the last of a type.
fn chain(count: usize, leaf: &str, union: bool) -> String {
    let definitions: Vec<String> = (0..count)
        .map(|at| {
            let next = format!(r##"{{"$ref":"#/definitions/d{}"}}"##, at + 1);
            let next =
                if union { format!(r#"{{"oneOf":[{next},{{"type":"null"}}]}}"#) } else { next };
            format!(r#""d{at}":{{"properties":{{"n":{next}}}}}"#)
        })
        .collect();
    format!(
        r##"{{"$ref":"#/definitions/d0","definitions":{{{},"d{count}":{{"type":"{leaf}"}}}}}}"##,
        definitions.join(",")
    )
}

#[test]
fn long_chains_are_compared() {
    let old = chain(2000, "string", false);
    assert!(found(&old, &old).is_empty());
    let differences = found(&old, &chain(2000, "integer", false));
    let path = format!("TYPE_CHANGED #/{}", vec!["properties/n"; 2000].join("/"));
    assert_eq!(differences, [path]);
}

#[test]
fn chains_of_unions_are_given_up_if_they_are_long() {
    let old = chain(100, "string", true);
    assert!(found(&old, &old).is_empty());
    let differences = found(&old, &chain(100, "integer", true));
    assert_eq!(differences, ["COMBINED_TYPE_SUBSCHEMAS_CHANGED #/properties/n"]);
    let old = chain(1000, "string", true);
    let differences = found(&old, &old);
    assert_eq!(differences.last().map(String::as_str), Some("SCHEMA_TOO_COMPLEX #/"));
}

#[test]
fn large_unions_are_compared() {
    let union = |count: usize, skip: usize| {
        let parts: Vec<String> = (0..count)
            .filter(|at| *at != skip)
            .map(|at| format!(r#"{{"const":"v{at}"}}"#))
            .collect();
        format!(r#"{{"oneOf":[{}]}}"#, parts.join(","))
    };
    let all = union(200, 200);
    assert!(found(&all, &all).is_empty());
    assert_eq!(found(&all, &union(200, 7)), ["SUM_TYPE_NARROWED #/"]);
}

#[test]
fn the_deepest_texts_are_compared() {
    for (open, close) in
        [(r#"{"not":"#, "}"), (r#"{"properties":{"a":"#, "}}"), (r#"{"anyOf":["#, "]}")]
    {
        let levels = 196 / open.matches(['{', '[']).count();
        let deep = |leaf: &str| format!("{}{leaf}{}", open.repeat(levels), close.repeat(levels));
        let (old, new) = (deep(r#"{"type":"string"}"#), deep(r#"{"type":"null"}"#));
        assert!(found(&old, &old).is_empty(), "{open}");
        assert!(!found(&old, &new).is_empty(), "{open}");
    }
}
