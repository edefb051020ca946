//! What DeriveField does with records, and what it refuses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_model::{
    ConnectRecord, Datum, Decimal, Header, Kind, Schema, SchemaBuilder, Str, Struct, Value, logical,
};
use proptest::prelude::*;

use super::program::Program;
use super::slot::Root;
use crate::tests::{Change, error_text, make, map, record};

const CLASS: &str = "DeriveField$Value";

fn apply(config: &[(&str, &str)], record: ConnectRecord) -> gantry_model::Result<ConnectRecord> {
    Ok(make(CLASS, config)?.change(record)?.expect("kept"))
}

/// A schemaless order.
fn order() -> Value {
    map(&[
        ("price", Value::Float64(2.5)),
        ("quantity", Value::Int64(4)),
        ("name", Value::str("Blue pen")),
        ("none", Value::Null),
        ("tags", Value::array(vec![Value::str("a"), Value::str("bb")])),
        ("customer", map(&[("country", Value::str("DE")), ("zip-code", Value::str("10115"))])),
        (
            "lines",
            Value::array(vec![
                map(&[("n", Value::Int32(1)), ("note", Value::Null)]),
                map(&[("n", Value::Int32(3)), ("note", Value::str("x"))]),
            ]),
        ),
    ])
}

/// One field `x` of a schemaless order.
fn of(expression: &str) -> gantry_model::Result<Value> {
    let definition = format!("x = {expression}");
    let out = apply(&[("expressions", &definition)], record(order()))?;
    let Value::Map(map) = &out.value.value else { panic!("a map") };
    Ok(map.get("x").expect("derived").clone())
}

fn ok(expression: &str) -> Value {
    of(expression).unwrap_or_else(|error| panic!("{expression}: {}", error.message()))
}

fn refused(expression: &str) -> String {
    let definition = format!("x = {expression}");
    error_text(make(CLASS, &[("expressions", &definition)]))
}

fn field(name: &str, schema: Schema) -> (Str, Schema) {
    (name.into(), schema)
}

/// An order with a schema.
fn with_schema() -> ConnectRecord {
    let inner = SchemaBuilder::structure(vec![field("country", Schema::string())])
        .expect("one field")
        .build_plain();
    let list = SchemaBuilder::new(Kind::Array(Schema::int32())).build_plain();
    let schema = SchemaBuilder::structure(vec![
        field("a", Schema::int32()),
        field("b", Schema::optional_int64()),
        field("f", Schema::float32()),
        field("s", Schema::optional_string()),
        field("d", logical::decimal(2).build_plain()),
        field("t", logical::timestamp().build_plain()),
        field("time", logical::time().build_plain()),
        field("inner", inner.clone()),
        field("list", list),
    ])
    .expect("distinct")
    .build_plain();
    let customer = Struct::from_values(inner, vec![Value::str("DE")]);
    let decimal: Decimal = "12.50".parse().expect("a decimal");
    let values = vec![
        Value::Int32(7),
        Value::Null,
        Value::Float32(0.5),
        Value::str("text"),
        Value::Decimal(Arc::new(decimal)),
        Value::Date(86_400_000),
        Value::Date(3_600_000),
        Value::Struct(Arc::new(customer)),
        Value::array(vec![Value::Int32(1), Value::Int32(2)]),
    ];
    let mut record = record(Value::Struct(Arc::new(Struct::from_values(schema.clone(), values))));
    record.value.schema = Some(schema);
    record
}

fn structured(expressions: &str) -> gantry_model::Result<(Schema, Value)> {
    let out = apply(&[("expressions", expressions)], with_schema())?;
    let Value::Struct(inner) = &out.value.value else { panic!("a struct") };
    inner.validate().expect("fits");
    assert_eq!(out.value.schema.as_ref(), Some(inner.schema()));
    let last = inner.schema().fields().expect("fields").list().last().expect("one").clone();
    Ok((last.schema, inner.values().last().expect("one").clone()))
}

#[test]
fn fields_are_derived_from_maps() {
    assert_eq!(ok("value.price * double(value.quantity)"), Value::Float64(10.0));
    assert_eq!(ok("value.quantity % 3 == 1 && !(value.price > 3)"), Value::Boolean(true));
    assert_eq!(
        ok("value['customer']['zip-code'] + '-' + value.customer.country"),
        Value::str("10115-DE")
    );
    assert_eq!(ok("value.name.lowerAscii().replace(' ', '_')"), Value::str("blue_pen"));
    assert_eq!(ok("value.name.matches('^Blue\\\\s')"), Value::Boolean(true));
    assert_eq!(
        ok("value.tags.map(t, size(t))"),
        Value::array(vec![Value::Int64(1), Value::Int64(2)])
    );
    assert_eq!(
        ok("value.map(k, k != 'tags', k).join()"),
        Value::str("customerlinesnamenonepricequantity")
    );
    assert_eq!(ok("value.tags.join('+')"), Value::str("a+bb"));
    assert_eq!(ok("value.lines.filter(l, l.n > 1).map(l, l.n)[0]"), Value::Int64(3));
    assert_eq!(ok("value.lines.exists(l, has(l.note) && l.note == 'x')"), Value::Boolean(true));
    assert_eq!(ok("value.lines.exists_one(l, l.n == 1)"), Value::Boolean(true));
    assert_eq!(ok("value.lines.all(l, l.n > 0)"), Value::Boolean(true));
    assert_eq!(
        ok("value.lines.map(l, has(l.note))"),
        Value::array(vec![false.into_value(), true.into_value()])
    );
    assert_eq!(
        ok("has(value.none) || has(value.missing) || has(value.none.deeper)"),
        Value::Boolean(false)
    );
    assert_eq!(ok("has(value.quantity) ? value.quantity : 0"), Value::Int64(4));
    assert_eq!(ok("value.none == null ? 'n' : 'y'"), Value::str("n"));
    assert_eq!(
        ok("4 == value.quantity && 3 < value.quantity && 'a' in value.tags"),
        Value::Boolean(true)
    );
    assert_eq!(ok("size(value.customer) + size(value)"), Value::Int64(9));
    assert_eq!(ok("math.round(value.price * 10.0) / 10.0"), Value::Float64(2.5));
    assert_eq!(ok("duration('90m')"), Value::Int64(5_400_000));
    assert_eq!(ok("timestamp('1970-01-02T00:00:00Z')"), Value::Date(86_400_000));
    assert_eq!(ok("timestamp('2024-06-01T00:00:00Z').getHours('Europe/Berlin')"), Value::Int64(2));
    assert_eq!(ok("{'b': 1, 'a': 2}"), map(&[("a", Value::Int64(2)), ("b", Value::Int64(1))]));
}

/// The examples of docs/derive-field.md.
#[test]
fn the_examples_give_what_the_page_says() {
    let cents = "cents: INT64 = int(math.round(value.price * double(value.quantity) * 100.0)); class = \
                 value.cents >= 100000 ? 'large' : value.cents >= 10000 ? 'middle' : 'small'";
    let config = [("condition", "has(value.price)"), ("expressions", cents)];
    let sold = [("price", Value::Float64(19.99)), ("quantity", Value::Int64(3))];
    let mut expected = sold.to_vec();
    expected.extend([("cents", Value::Int64(5997)), ("class", Value::str("small"))]);
    assert_eq!(apply(&config, record(map(&sold))).expect("applies").value.value, map(&expected));

    let mask = "domain = value.mail.split('@')[1]; mail = value.mail.substring(0, 1) + '***@' + value.domain; \
                hour = timestamp(value.at).getHours('Europe/Berlin')";
    let config = [("on.error", "null"), ("expressions", mask)];
    let (at, domain) = (Value::str("2026-07-01T10:30:00Z"), Value::str("example.org"));
    let user = |mail: &str| map(&[("mail", Value::str(mail)), ("at", at.clone())]);
    let masked = |mail: Value, domain: Value| {
        map(&[("mail", mail), ("at", at.clone()), ("domain", domain), ("hour", Value::Int64(12))])
    };
    let run = |mail: &str| apply(&config, record(user(mail))).expect("applies").value.value;
    assert_eq!(run("ada@example.org"), masked(Value::str("a***@example.org"), domain));
    assert_eq!(run("none"), masked(Value::Null, Value::Null));

    let shard = "shard = (has(value.country) ? value.country : 'none') + '-' + string(key.id % 8)";
    let mut input = record(map(&[("country", Value::str("DE"))]));
    input.key = Datum::schemaless(map(&[("id", Value::Int64(42))]));
    let mut t = make("DeriveField$Key", &[("expressions", shard)]).expect("valid");
    let out = t.change(input).expect("applies").expect("kept");
    assert_eq!(out.key.value, map(&[("id", Value::Int64(42)), ("shard", Value::str("DE-2"))]));
}

trait IntoValue {
    fn into_value(self) -> Value;
}

impl IntoValue for bool {
    fn into_value(self) -> Value {
        Value::Boolean(self)
    }
}

#[test]
fn the_record_itself_can_be_asked() {
    let mut input = record(order());
    let text = |key: &str, value: &str| {
        Header::new(key.into(), Datum::new(Schema::string(), Value::str(value))).expect("fits")
    };
    input.headers = vec![text("h", "first"), text("h", "last")];
    input.key = Datum::schemaless(Value::str("k"));
    input.partition = Some(3);
    input.timestamp_ms = Some(1000);
    let expressions = "a = topic + ':' + string(partition) + ':' + key; b = headers.h; c = int(timestamp); \
                       d = offset == null; e = has(headers.`no-such`)";
    let out = apply(&[("expressions", expressions)], input).expect("applies");
    let Value::Map(map) = &out.value.value else { panic!("a map") };
    let found = ["a", "b", "c", "d", "e"].map(|name| map.get(name).expect("derived").clone());
    let expected = [
        Value::str("topic:3:k"),
        Value::str("last"),
        Value::Int64(1),
        Value::Boolean(true),
        Value::Boolean(false),
    ];
    assert_eq!(found, expected);
}

#[test]
fn fields_are_derived_one_after_the_other_and_keep_their_place() {
    let expressions = "total = value.price * 4.0; quantity = value.total + 1.0; `tax-free`: STRING = string(value['total'])";
    let out = apply(&[("expressions", expressions)], record(order())).expect("applies");
    let Value::Map(map) = &out.value.value else { panic!("a map") };
    let names: Vec<_> = map.entries().iter().filter_map(|(key, _)| key.as_str()).collect();
    assert_eq!(names[..2], ["price", "quantity"]);
    assert_eq!(map.get("quantity"), Some(&Value::Float64(11.0)));
    assert_eq!(map.get("tax-free"), Some(&Value::str("10")));
    let (schema, value) = structured("s = value.a + 1; last = value.s * 2").expect("applies");
    assert_eq!((schema.kind(), value), (&Kind::Int64, Value::Int64(16)));
}

#[test]
fn schemas_say_what_expressions_give() {
    let check = |expression: &str, kind: &Kind, optional: bool, value: Value| {
        let (schema, found) = structured(&format!("x = {expression}"))
            .unwrap_or_else(|e| panic!("{expression}: {}", e.message()));
        assert_eq!(
            (schema.kind(), schema.is_optional(), found),
            (kind, optional, value),
            "{expression}"
        );
    };
    check("value.a * 2", &Kind::Int64, false, Value::Int64(14));
    check("value.b", &Kind::Int64, true, Value::Null);
    check("has(value.b) ? value.b : 0", &Kind::Int64, true, Value::Int64(0));
    check("value.f + 1.0", &Kind::Float64, false, Value::Float64(1.5));
    check("value.s + '!'", &Kind::String, false, Value::str("text!"));
    check("value.a > 3 ? 'big' : null", &Kind::String, true, Value::str("big"));
    check("value.d > 12 && value.d <= 12.5", &Kind::Boolean, false, Value::Boolean(true));
    check("double(value.d) * 2.0", &Kind::Float64, false, Value::Float64(25.0));
    check("string(value.d)", &Kind::String, false, Value::str("12.50"));
    check("value.inner.country", &Kind::String, false, Value::str("DE"));
    check("value.t.getDayOfYear()", &Kind::Int64, false, Value::Int64(1));
    check("value.t - value.time", &Kind::Int64, false, Value::Date(82_800_000));
    check("value.time", &Kind::Int64, false, Value::Int64(3_600_000));
    check("timestamp", &Kind::Int64, true, Value::Null);
    let ints = Kind::Array(Schema::optional_int64());
    check(
        "value.list.map(n, n + 1)",
        &ints,
        false,
        Value::array(vec![Value::Int64(2), Value::Int64(3)]),
    );
    let texts = Kind::Map { key: Schema::string(), value: Schema::optional_string() };
    check("{'c': value.inner.country}", &texts, false, map(&[("c", Value::str("DE"))]));
    let (schema, value) = structured("x = value.d").expect("applies");
    assert_eq!(logical::scale(&schema).expect("a decimal"), 2);
    assert_eq!(value, Value::Decimal(Arc::new("12.50".parse().expect("a decimal"))));
    let (schema, value) = structured("x: INT16 = value.a").expect("applies");
    assert_eq!((schema.kind(), value), (&Kind::Int16, Value::Int16(7)));
    let (schema, value) = structured("x: FLOAT64 = value.a").expect("applies");
    assert_eq!((schema.kind(), value), (&Kind::Float64, Value::Float64(7.0)));
}

#[test]
fn the_schema_is_made_once_and_types_are_checked_with_it() {
    let mut t = make(CLASS, &[("expressions", "x = value.a + 1")]).expect("valid");
    let schema = |record: ConnectRecord| record.value.schema.expect("one");
    let first = schema(t.change(with_schema()).expect("applies").expect("kept"));
    let second = schema(t.change(with_schema()).expect("applies").expect("kept"));
    assert!(first.same(&second));
    for (expression, text) in [
        ("value.f * value.a", "`value.f * value.a`: there is no double * int"),
        ("value.a == 'x'", "int and string are never equal"),
        ("value.d * 2", "a decimal is made a number by double()"),
        ("value.a < value.d", "put the decimal on the left"),
        ("value.s ? 1 : 2", "conditions are bool, not string"),
        ("value.inner", "all items of this list or map are of one type"),
        ("key", "declare it"),
        ("int(value.a.b)", "value.a is neither struct nor map and has no b"),
        ("int(value.missing)", "value has no missing: ask has(value.missing) first"),
        ("value.a.size()", "there is no int.size()"),
    ] {
        let found = error_text(structured(&format!("x = {expression}")).map(|_| ()));
        assert!(found.contains(text), "{expression}: {found}");
        assert!(found.starts_with(&format!("Cannot derive field x by `{expression}`")), "{found}");
    }
}

#[test]
fn errors_of_records_name_field_expression_and_reason() {
    for (expression, text) in [
        ("value.missing + 1", "value has no missing: ask has(value.missing) first"),
        ("value.none.x", "value.none is null and has no x: ask has(value.none.x) first"),
        ("value.none * 2", "there is no null * int: ask has(…) first"),
        ("value.price * 2", "there is no double * int: make both double"),
        ("value.quantity / 0", "division by zero"),
        ("value.quantity * 9223372036854775807", "int * int goes beyond what its type holds"),
        ("value.tags[7]", "the list has no such place"),
        ("value.lines[0].missing", "there is no missing: ask has"),
        ("int(value.name)", "int()"),
        ("value.name && true", "there is no string && bool"),
        ("headers.`x-y`", "there is no header x-y: ask has(headers.`x-y`) first"),
        ("headers.x", "there is no header x: ask has(headers.x) first"),
    ] {
        let found = error_text(of(expression));
        let start = format!("Cannot derive field x by `{expression}`: ");
        assert!(found.starts_with(&start) && found.contains(text), "{expression}: {found}");
        assert!(!found.contains("Blue pen"), "values are not shown: {found}");
    }
    let narrow = apply(&[("expressions", "x: INT8 = value.quantity * 100")], record(order()));
    assert!(error_text(narrow).contains("400 does not fit into INT8"));
    let other = apply(&[("expressions", "x: BOOLEAN = value.name")], record(order()));
    assert!(error_text(other).contains("its result is string, which BOOLEAN cannot hold"));
}

#[test]
fn what_can_never_be_right_is_refused_at_once() {
    for (expression, text) in [
        ("value.a * 'x'  + 1", "`value.a * 'x'`: there is no dyn * string"),
        ("value.a + 'x' + 1", "there is no string + int"),
        ("1 + 'x'", "`1 + 'x'`: there is no int + string: string() makes a text"),
        ("1.5 * 2", "there is no double * int: write both with a point"),
        ("'a' == 1", "`'a' == 1`: string and int are never equal"),
        ("value.a > 1 ? 'x' : 2", "it is string or int: both must be of one type"),
        ("price * 2", "there is no variable price; there are value, key"),
        ("size(value.a, 1)", "size() takes 1 and has 2 arguments"),
        ("value.a.len()", "there is no function len; there are has"),
        ("startsWith('a', 'b')", "startsWith is written x.startsWith()"),
        ("'a'.startsWith(1)", "there is no string.startsWith(int), only string.startsWith(string)"),
        ("topic.name", "topic has no fields, and so no name"),
        ("topic * 2", "`topic * 2`: there is no string * int"),
        ("!topic", "conditions are bool, not string"),
        ("value.a ? 1 : 'a'", "both must be of one type"),
        ("[1, 2].map(x, x + 'a')", "there is no int + string"),
        ("[1].all(x, x)", "conditions are bool, not int"),
        ("topic.map(x, x)", "go through lists and maps, not string"),
        ("1 in ['a']", "int is never in a list of string"),
        ("'a'.matches(topic)", "the pattern of matches() must be a text in quotes"),
        ("value.a.matches('(')", "the pattern of matches()"),
        ("value.a +", "at column"),
        ("1 / 0", "division by zero"),
        ("duration('x')", "duration()"),
        ("null", "it is always null"),
        ("value.?a", "unsupported syntax"),
        ("Thing{a: 1}", "there is no type Thing"),
        ("9223372036854775808", "at column"),
        ("value.a = 1", "= compares nothing"),
        ("", "there is no expression"),
        ("math.cos(1.0)", "there is no function math.cos"),
        ("has(value)", "invalid argument to has() macro"),
        ("{[1]: 2}", "list(int) cannot be the key of a map"),
    ] {
        let found = refused(expression);
        assert!(found.contains(text), "{expression}: {found}");
        assert!(found.contains("for configuration expressions: field x: "), "{found}");
    }
    for (expressions, text) in [
        ("x: STRING = 1", "it is int, which STRING can never hold: string(…) makes a text of it"),
        ("x: INT64 = 1.5", "it is double, which INT64 can never hold: int(…)"),
        ("x: NUMBER = 1", "there is no type NUMBER; there are BOOLEAN"),
        ("x = 1; x = 2", "it is defined twice"),
        ("x = topic; y = value.x + 1", "there is no string + int"),
        ("value.a", "has no name: write name = expression"),
        (" ; ", "it defines no field"),
    ] {
        let found = error_text(make(CLASS, &[("expressions", expressions)]));
        assert!(found.contains(text), "{expressions}: {found}");
    }
    let missing = error_text(make(CLASS, &[]));
    assert!(missing.contains("Missing required configuration \"expressions\""), "{missing}");
    let condition = error_text(make(CLASS, &[("expressions", "x = 1"), ("condition", "topic")]));
    assert!(
        condition.contains("for configuration condition: a condition is bool, and this is string"),
        "{condition}"
    );
}

#[test]
fn each_side_checks_with_what_it_derives() {
    let config = [("expressions", "x = 'a'; y = key.x + 1")];
    assert!(make(CLASS, &config).is_ok(), "the key is another's");
    assert!(error_text(make("DeriveField$Key", &config)).contains("there is no string + int"));
    let mut input = record(Value::str("untouched"));
    input.key = Datum::schemaless(map(&[("id", Value::Int32(1))]));
    let mut t = make("DeriveField$Key", &[("expressions", "next = key.id + 1")]).expect("valid");
    let out = t.change(input).expect("applies").expect("kept");
    assert_eq!(out.key.value, map(&[("id", Value::Int32(1)), ("next", Value::Int64(2))]));
    assert_eq!(out.value.value, Value::str("untouched"));
}

#[test]
fn conditions_and_errors_leave_records_as_they_are() {
    let run =
        |config: &[(&str, &str)]| apply(config, record(order())).expect("applies").value.value;
    let derive = ("expressions", "x = value.quantity / value.zero; y = 1");
    assert_eq!(run(&[("expressions", "x = 1"), ("condition", "value.quantity > 4")]), order());
    assert_ne!(run(&[("expressions", "x = 1"), ("condition", "value.quantity == 4")]), order());
    assert_eq!(run(&[derive, ("on.error", "skip")]), order());
    let Value::Map(nulled) = run(&[derive, ("on.error", "null")]) else { panic!("a map") };
    assert_eq!((nulled.get("x"), nulled.get("y")), (Some(&Value::Null), Some(&Value::Int64(1))));
    assert_eq!(run(&[derive, ("on.error", "null"), ("condition", "value.missing")]), order());
    let failed = apply(&[derive, ("condition", "value.missing")], record(order()));
    assert!(
        error_text(failed)
            .starts_with("Cannot decide the condition `value.missing`: value has no missing")
    );
    let config = [("expressions", "x = value.a / (value.a - 7)"), ("on.error", "null")];
    let out = apply(&config, with_schema()).expect("applies");
    assert!(out.value.schema.expect("one").field("x").expect("derived").schema.is_optional());
}

#[test]
fn a_condition_keeps_records_of_other_schemas_away() {
    let lines = || record(Value::str("a line"));
    let config = [("expressions", "x = value.f * 2"), ("condition", "topic == 'orders'")];
    assert_eq!(apply(&config, lines()).expect("applies"), lines());
    assert_eq!(apply(&config, with_schema()).expect("applies"), with_schema());
    let wrong = [("expressions", "x = value.f * 2")];
    assert!(error_text(apply(&wrong, with_schema())).contains("there is no double * int"));
    let skip = [wrong[0], ("on.error", "skip")];
    assert_eq!(apply(&skip, with_schema()).expect("applies"), with_schema());
}

#[test]
fn tombstones_and_other_values() {
    let config = [("expressions", "x = value.a")];
    assert_eq!(apply(&config, record(Value::Null)).expect("applies"), record(Value::Null));
    let text = error_text(apply(&config, record(Value::str("x"))));
    assert!(
        text.contains("Only Map objects supported in absence of schema for [field derivation]"),
        "{text}"
    );
    let shared = order();
    apply(&[("expressions", "name = 1")], record(shared.clone())).expect("applies");
    assert_eq!(shared, order(), "a shared map is left alone");
}

#[test]
fn loops_have_an_end() {
    let numbers = Value::array((0..5000).map(Value::Int64).collect());
    let many = record(map(&[("n", numbers)]));
    for expression in [
        "value.n.all(a, value.n.all(b, a + b >= 0))",
        "size(value.n.map(a, value.n))",
        "size(value.n.filter(a, a in value.n))",
        "value.n.exists_one(a, value.n.exists(b, b < 0))",
    ] {
        let definition = format!("x = {expression}");
        let start = Instant::now();
        let found = error_text(apply(&[("expressions", &definition)], many.clone()));
        assert!(
            found.contains("its loops go through too much for one record"),
            "{expression}: {found}"
        );
        assert!(start.elapsed() < Duration::from_secs(20), "{expression}: {:?}", start.elapsed());
    }
    let config =
        [("expressions", "x = value.n.filter(a, a > 4990).map(a, a * 2).exists(a, a == 9998)")];
    assert!(apply(&config, many).is_ok());
    for expression in [
        "[1].map(a, [1].map(b, [1].map(c, c)))",
        "[1].map(a, a).map(a, a).map(a, a).map(a, a).map(a, a)",
        "['a'].map(a, a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a+a)",
    ] {
        let found = refused(expression);
        assert!(found.contains("loops"), "{expression}: {found}");
    }
}

/// Expressions of the largest depth, on less than the stack of a worker's thread.
#[test]
fn the_deepest_expressions_fit_on_a_small_stack() {
    const STACK_BYTES: usize = 1536 << 10;
    let deep = [
        format!("{}value.quantity", "-!".repeat(15)),
        format!("{}0", "1+".repeat(32)),
        format!("{}0", "value.quantity+".repeat(25)),
        format!("{}'z'", "value.quantity==1?'a':".repeat(30)),
        format!("{}1{}", "(1+".repeat(14), ")".repeat(14)),
        format!("{}1{}", "[".repeat(15), "]".repeat(15)),
        format!("[[1]].map(a, a.map(b, {}b))", "1+".repeat(22)),
        format!("[[1]].filter(a, a.all(b, {}b > 0))", "1+".repeat(20)),
        format!("{}true", "value.quantity == 4 && ".repeat(100)),
        format!("{}1{}", "dyn(".repeat(15), ")".repeat(15)),
        format!("value.name{}", ".trim()".repeat(25)),
        format!("value{}", ".customer".repeat(100)),
    ];
    let run = move || {
        for text in &deep {
            match of(text) {
                Ok(_) => {}
                Err(error) => assert!(!error.message().contains("deep"), "{error:?}"),
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(run);
    thread.expect("a thread").join().expect("no overflow");
}

/// Parts of expressions, so that random ones get beyond the parser.
fn part() -> impl Strategy<Value = String> {
    let parts = [
        "value",
        ".a",
        ".tags",
        "key",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "&&",
        "||",
        "==",
        "<",
        ">=",
        "?",
        ":",
        ",",
        "1",
        "2.5",
        "3u",
        "'a'",
        "b'x'",
        "true",
        "null",
        ".map(x, ",
        ".all(y, ",
        "x",
        "y",
        "has(",
        "size(",
        "int(",
        "string(",
        ".matches('a+')",
        " in ",
        ";",
        "=",
        "n =",
        "math.",
        "abs(",
        "\"",
        "'''",
        "\\",
        "//",
        "`",
        "r'",
        "@0",
        "@r0",
        "topic",
        "timestamp",
        "headers",
        "é",
        "\n",
    ];
    prop_oneof![
        9 => proptest::sample::select(parts.to_vec()).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
    ]
}

fn check_all(text: &str) {
    let start = Instant::now();
    for own in [Root::Value, Root::Key] {
        let mut program = Program::new(own).expect("an environment");
        if program.define(text).is_ok() {
            let _ = program.run(
                &record(order()),
                |_| Ok(Some(|_: usize, _: &Value| Ok(()))),
                |_, _| Ok(None),
            );
        }
        let mut program = Program::new(own).expect("an environment");
        let _ = program.set_condition(text);
    }
    assert!(start.elapsed() < Duration::from_secs(10), "{text}");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..4096)) {
        check_all(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_parts_are_read_or_refused(parts in proptest::collection::vec(part(), 0..60)) {
        let text = parts.concat();
        check_all(&text);
        check_all(&format!("x = {text}"));
    }
}

/// Records in a second, beside InsertField. Run with `--ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn records_in_a_second() {
    const RECORDS: u32 = 200_000;
    let fields = (0..20).map(|n| field(&format!("f{n}"), Schema::int64())).collect();
    let schema = SchemaBuilder::structure(fields).expect("distinct").build_plain();
    let values: Vec<Value> = (0..20).map(Value::Int64).collect();
    let inner = Struct::from_values(schema.clone(), values);
    let patterns = "x = value.text.matches('^.*[0-9]+-b$')";
    let cases = [
        ("InsertField$Value", vec![("static.field", "x"), ("static.value", "1")]),
        (CLASS, vec![("expressions", "x = value.f3 * 2 + value.f7")]),
        (
            CLASS,
            vec![("expressions", "x = value.f3 * 2 + value.f7"), ("condition", "value.f1 > 0")],
        ),
        (CLASS, vec![("expressions", "x = 'a' + string(value.f2)")]),
        (CLASS, vec![("expressions", patterns), ("on.error", "null")]),
    ];
    let text = map(&[("text", Value::str("some text 123-b"))]);
    for (class, config) in cases {
        let mut t = make(class, &config).expect("valid");
        let schemaless = config.iter().any(|(_, text)| text.contains("matches"));
        let start = Instant::now();
        for _ in 0..RECORDS {
            let mut input = record(match schemaless {
                true => text.clone(),
                false => Value::Struct(Arc::new(inner.clone())),
            });
            input.value.schema = (!schemaless).then(|| schema.clone());
            let _ = t.change(input).expect("applies").expect("kept");
        }
        let rate = f64::from(RECORDS) / start.elapsed().as_secs_f64();
        println!("{class} {config:?}: {rate:.0} records/s");
    }
    let start = Instant::now();
    for _ in 0..1000 {
        gantry_model::regex::JavaPattern::compile("^.*[0-9]+-b$").expect("a pattern");
    }
    println!("a pattern is compiled in {:?}", start.elapsed() / 1000);
}
