//! Schemas made to cost much, of a mebibyte or what stands for far more: each ends in a schema or an
//! error, and two of them in an answer, soon, and on a stack as small as that of a server's thread.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::fmt::Write as _;
use std::time::Duration;

use gantry_schema_avro::Avro;
use gantry_schema_json::Json;
use gantry_schema_model::{Dependency, Format, ParsedSchema as _};
use gantry_schema_protobuf::Protobuf;

/// Without optimization all takes ten times as long: the limit is on what ships.
const SIZE: usize = if cfg!(debug_assertions) { 1 << 16 } else { 1 << 20 };
const STACK: usize = 2 << 20;
/// What each step may take of a processor.
const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });

/// `prefix`, then what `unit` gives for 0, 1, … until there is no room, then `suffix`.
fn grown(prefix: &str, suffix: &str, unit: impl Fn(usize) -> String) -> String {
    let mut text = prefix.to_owned();
    for number in 0.. {
        let more = unit(number);
        if text.len() + more.len() + suffix.len() > SIZE {
            break;
        }
        text.push_str(&more);
    }
    text + suffix
}

/// So deep that it is a mebibyte, or so deep as given.
fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    let depth = depth.min((SIZE - inner.len()) / (open.len() + close.len()));
    open.repeat(depth) + inner + &close.repeat(depth)
}

/// How long this thread ran on a processor.
fn cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(told.split(' ').next().unwrap().parse().unwrap())
}

struct Clock {
    case: String,
    slow: Vec<String>,
}

impl Clock {
    fn step<T>(&mut self, name: &str, run: impl FnOnce() -> T) -> T {
        let before = cpu();
        let result = run();
        let took = cpu() - before;
        if took > LIMIT {
            self.slow.push(format!("{}: {name} took {took:?}", self.case));
        }
        result
    }
}

/// Each of the texts, with what it may refer to, is read, written and compared with itself and with
/// the next one, both ways.
fn all<F: Format>(case: &str, texts: &[String], dependencies: &[Dependency]) {
    let (name, texts, dependencies) = (case.to_owned(), texts.to_vec(), dependencies.to_vec());
    let run = move || {
        let mut clock = Clock { case: name, slow: Vec::new() };
        let mut schemas = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            for is_new in [true, false] {
                let step = format!("reading {at}, new: {is_new}");
                let Ok(schema) = clock.step(&step, || F::parse(text, &dependencies, is_new)) else {
                    continue;
                };
                let normalized = clock.step(&format!("normalizing {at}"), || schema.normalized());
                clock.step(&format!("reading normalized {at}"), || {
                    let _ = F::parse(&normalized, &dependencies, false);
                });
                for form in ["resolved", "serialized"] {
                    clock.step(&format!("{form} of {at}"), || schema.formatted(form).is_ok());
                }
                if !is_new {
                    schemas.push(schema);
                }
            }
        }
        for at in 0..schemas.len() {
            let next = (at + 1) % schemas.len();
            for (reader, writer) in [(at, at), (at, next), (next, at)] {
                let step = format!("comparing {reader} with {writer}");
                clock.step(&step, || F::incompatibilities(&schemas[reader], &schemas[writer]));
            }
        }
        clock.slow
    };
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(run).unwrap();
    let slow = thread.join().unwrap_or_else(|_| panic!("{case} panicked"));
    assert!(slow.is_empty(), "{}", slow.join("\n"));
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

fn field(name: &str, schema: &str) -> String {
    format!(r#"{{"name":"{name}","type":{schema}}}"#)
}

#[test]
fn avro_that_is_deep() {
    for depth in [100, 240, 499, usize::MAX] {
        let open = r#"{"type":"array","items":"#;
        let arrays = nested(open, r#""int""#, "}", depth);
        let maps = nested(r#"{"type":"map","values":"#, r#""long""#, "}", depth);
        let unions = nested("[", r#""int""#, "]", depth);
        let mut records = String::new();
        for level in 0..depth.min(SIZE / 60) {
            let begin = r#"{"type":"record","name":"#;
            write!(records, r#"{begin}"N{level}","fields":[{{"name":"f","type":"#).unwrap();
        }
        let records = records + r#""int""# + &"}]}".repeat(depth.min(SIZE / 60));
        all::<Avro>(&format!("depth {depth}"), &[arrays, maps, unions, records], &[]);
    }
    let deep_default = format!(
        r#"{{"name":"f","type":{},"default":{}}}"#,
        nested(r#"{"type":"array","items":"#, r#""int""#, "}", 490),
        nested("[", "1", "]", 490)
    );
    let property = format!(r#"{{"type":"int","x":{}}}"#, nested("[", "1", "]", usize::MAX));
    all::<Avro>("defaults and properties", &[record(&deep_default), property], &[]);
}

#[test]
fn avro_that_is_wide() {
    let union = |kind: &str, field: &str| {
        grown(r#"["null""#, "]", |n| {
            let name = format!("{kind}{n}");
            format!(r#",{{"type":"record","name":"{name}","fields":[{field}]}}"#)
        })
    };
    let texts = [
        union("A", ""),
        union("B", ""),
        union("A", r#"{"name":"x","type":"int"}"#),
        // Each branch leads to all of them.
        grown(&format!(r#"[{},"null""#, r#"{"type":"record","name":"Z","fields":[]}"#), "]", |n| {
            format!(r#",{{"type":"record","name":"C{n}","fields":[{}]}}"#, field("x", r#""C0""#))
        }),
    ];
    all::<Avro>("unions", &texts, &[]);
    let fields = |name: &str, more: &str| {
        grown(r#"{"type":"record","name":"R","fields":["#, r#"{"name":"z","type":"int"}]}"#, |n| {
            format!(r#"{{"name":"{name}{n}","type":"int"{more}}},"#)
        })
    };
    let texts = [fields("a", ""), fields("b", ""), fields("b", r#","aliases":["a1"]"#)];
    all::<Avro>("fields", &texts, &[]);
    let symbols = |name: &str| {
        grown(r#"{"type":"enum","name":"E","symbols":["Z""#, "]}", |n| format!(r#","{name}{n}""#))
    };
    let aliases = grown(r#"{"type":"enum","name":"E","symbols":["Z"],"aliases":["Y""#, "]}", |n| {
        format!(r#","s.A{n}""#)
    });
    all::<Avro>("symbols", &[symbols("A"), symbols("B"), aliases], &[]);
}

/// A chain of records where each has the next one twice: as many ways as there are sets of records.
fn avro_chain(last: &str, count: usize) -> String {
    let mut text = format!(r#"{{"type":"record","name":"N0","fields":[{}]}}"#, field("f", last));
    for n in 1..count {
        let fields = field("a", &text) + "," + &field("b", &format!(r#""N{}""#, n - 1));
        text = format!(r#"{{"type":"record","name":"N{n}","fields":[{fields}]}}"#);
    }
    text
}

#[test]
fn avro_that_multiplies() {
    all::<Avro>("a chain", &[avro_chain(r#""int""#, 150), avro_chain(r#""string""#, 150)], &[]);
    // Names that stand before their definitions, and records that lead to each other.
    let circle = |kind: &str| {
        grown(r#"{"type":"record","name":"R","fields":["#, r#"{"name":"z","type":"int"}]}"#, |n| {
            let next = format!(r#"["null","N{}","N{}"]"#, n + 1, n / 2);
            let fields = field("x", &next) + "," + &field("y", kind);
            let record = format!(r#"{{"type":"record","name":"N{n}","fields":[{fields}]}}"#);
            field(&format!("f{n}"), &record) + ","
        })
    };
    let closed = |kind: &str| {
        let text = circle(kind);
        let last = text.matches("\"record\"").count() - 2;
        text.replace(&format!(r#""N{}""#, last + 1), r#""R""#)
    };
    all::<Avro>("circles", &[closed(r#""int""#), closed(r#""string""#)], &[]);
    let defaults =
        grown(r#"{"type":"record","name":"R","fields":["#, r#"{"name":"z","type":"int"}]}"#, |n| {
            let default = r#","default":{"x":1}"#;
            let schema = if n == 0 { record_of("P") } else { r#""P""#.to_owned() };
            format!(r#"{{"name":"f{n}","type":{schema}{default}}},"#)
        });
    all::<Avro>("defaults", &[defaults], &[]);
}

fn record_of(name: &str) -> String {
    format!(r#"{{"type":"record","name":"{name}","fields":[{}]}}"#, field("x", r#""int""#))
}

#[test]
fn json_that_is_deep() {
    for depth in [100, 199, usize::MAX] {
        let texts = [
            nested(r#"{"not":"#, "true", "}", depth),
            nested(r#"{"items":"#, "{}", "}", depth),
            nested(r#"{"allOf":["#, r#"{"type":"string"}"#, "]}", depth / 2),
            nested(r#"{"oneOf":[true,"#, r#"{"type":"string"}"#, "]}", depth / 2),
            nested(r#"{"x":"#, "1", "}", depth),
        ];
        all::<Json>(&format!("depth {depth}"), &texts, &[]);
    }
    // A mebibyte at the bottom: what looks at each level anew does so two hundred times.
    let wide = grown("", "1", |n| format!("{n},"));
    let text = format!(r#"{}{{"enum":[{wide}]}}{}"#, r#"{"not":"#.repeat(190), "}".repeat(190));
    all::<Json>("deep and wide", &[text], &[]);
}

#[test]
fn json_that_is_wide() {
    let list = |begin: &str, end: &str, unit: &str| {
        grown(begin, end, |n| unit.replace('#', &n.to_string()))
    };
    let texts = [
        list(r#"{"enum":[0"#, "]}", ",\"a#\""),
        list(r#"{"enum":[0"#, "]}", ",\"b#\""),
        list(r#"{"properties":{"z":true"#, "}}", r#","a#":{"type":"string"}"#),
        list(r#"{"additionalProperties":false,"properties":{"z":true"#, "}}", r#","b#":true"#),
        list(r#"{"required":["z""#, "]}", r#","a#""#),
        list(r#"{"items":[true"#, "]}", r#",{"const":#}"#),
        list(r#"{"dependencies":{"z":["a"]"#, "}}", r#","a#":["b#"]"#),
    ];
    all::<Json>("lists", &texts, &[]);
    let texts = [
        list(r#"{"oneOf":[true"#, "]}", r#",{"const":#}"#),
        list(r#"{"oneOf":[true"#, "]}", r#",{"const":"a#"}"#),
        list(r#"{"anyOf":[true"#, "]}", r#",{"type":"string","maxLength":#}"#),
        list(r#"{"anyOf":[true"#, "]}", r#",{"type":"string","minLength":#}"#),
        list(r#"{"allOf":[true"#, "]}", r#",{"maximum":#}"#),
    ];
    all::<Json>("combinations", &texts, &[]);
}

#[test]
fn json_of_patterns() {
    let patterns = |unit: &str, name: &str| {
        let half = SIZE / 2;
        let mut text = r#"{"additionalProperties":false,"patternProperties":{"zz":true"#.to_owned();
        for n in (0..).take_while(|n| n * (unit.len() + 6) < half) {
            text.push_str(&unit.replace('#', &n.to_string()));
        }
        text.push_str(r#"},"properties":{"z":true"#);
        for n in (0..).take_while(|n| n * (name.len() + 6) < half) {
            text.push_str(&name.replace('#', &n.to_string()));
        }
        text + "}}"
    };
    let texts = [
        patterns(r#","^x#$":true"#, r#","a#":true"#),
        patterns(r#","(a|b)*c#":true"#, r#","ababababab#":true"#),
        patterns(r#","y#":{"type":"string"}"#, r#","b#":{"type":"string"}"#),
    ];
    all::<Json>("patterns", &texts, &[]);
    let greedy = |pattern: &str, name: &str| {
        format!(
            r#"{{"additionalProperties":false,"patternProperties":{{"{pattern}":true}},
            "properties":{{"{name}":true}}}}"#
        )
    };
    let long = "a".repeat(SIZE / 4);
    let texts = [
        greedy("^(a+)+$", &(long.clone() + "b")),
        greedy(r"(?=(a+))(a+)+b\\1", "x"),
        greedy("((((a{100}){100}){100}){100})", "y"),
        greedy(&"(a|".repeat(10_000), "z"),
        greedy(&format!("^({long})*$"), "w"),
    ];
    all::<Json>("greedy patterns", &texts, &[]);
}

#[test]
fn json_that_refers() {
    let both = |definition: &str, property: &str| {
        let mut text = r#"{"definitions":{"z":true"#.to_owned();
        for n in 0..SIZE / 70 {
            text.push_str(&definition.replace('#', &n.to_string()));
        }
        text.push_str(r#"},"properties":{"z":true"#);
        for n in 0..SIZE / 70 {
            text.push_str(&property.replace('~', &n.to_string()));
        }
        text + "}}"
    };
    let texts = [
        both(r#","d#":{}"#, r##","p~":{"$ref":"#/definitions/d~"}"##),
        both(r#","d#":{"$id":"u#"}"#, r##","p~":{"$ref":"u~"}"##),
        both(r#","d#":{}"#, r##","p~":{"$ref":"#/definitions/z"}"##),
    ];
    let modern = |text: &String| {
        text.replacen('{', r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","#, 1)
    };
    let moderns: Vec<String> = texts.iter().map(modern).collect();
    all::<Json>("references", &texts, &[]);
    all::<Json>("references of 2020-12", &moderns, &[]);
}

/// Definitions where each has the next one twice, in what `of` makes of two references.
fn json_chain(count: usize, last: &str, of: impl Fn(&str) -> String) -> String {
    let mut text = format!(r#"{{"definitions":{{"d0":{last}"#);
    for n in 1..count {
        let reference = format!(r##"{{"$ref":"#/definitions/d{}"}}"##, n - 1);
        write!(text, r#","d{n}":{}"#, of(&reference)).unwrap();
    }
    write!(text, r##"}},"$ref":"#/definitions/d{}"}}"##, count - 1).unwrap();
    // Beside a reference nothing counts in older drafts, so the root is an `allOf`.
    text.replace(r##","$ref":"##, r##","allOf":[{"$ref":"##).trim_end_matches('}').to_owned()
        + "}]}"
}

#[test]
fn json_that_multiplies() {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let chain = |last: &str| {
            json_chain(60, last, |r| format!(r#"{{"{keyword}":[{r},{{"type":"object"}},{r}]}}"#))
        };
        let properties = |last: &str| {
            json_chain(60, last, |r| format!(r#"{{"properties":{{"a":{r},"b":{r}}}}}"#))
        };
        let not = |last: &str| {
            json_chain(60, last, |r| format!(r#"{{"{keyword}":[{r},{{"not":{r}}}]}}"#))
        };
        let (one, other) = (r#"{"type":"string"}"#, r#"{"type":"number"}"#);
        let texts =
            [chain(one), chain(other), properties(one), properties(other), not(one), not(other)];
        all::<Json>(keyword, &texts, &[]);
        let modern = |text: &String| {
            text.replacen('{', r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","#, 1)
        };
        let moderns: Vec<String> = texts.iter().map(modern).collect();
        all::<Json>(&format!("{keyword} of 2020-12"), &moderns, &[]);
    }
    let all_of_all = |kind: &str| {
        let references: String =
            (0..60).map(|n| format!(r##",{{"$ref":"#/definitions/d{n}"}}"##)).collect();
        let mut text = r#"{"definitions":{"z":true"#.to_owned();
        for n in 0..60 {
            let (keyword, minimum) = (["allOf", "anyOf", "oneOf"][n % 3], n);
            write!(text, r#","d{n}":{{"{keyword}":[{{"{kind}":{minimum}}}{references}]}}"#)
                .unwrap();
        }
        text + r##"},"$ref":"#/definitions/d0"}"##
    };
    let wrapped = |kind: &str| {
        all_of_all(kind).replace(
            r##"},"$ref":"#/definitions/d0"}"##,
            r##"},"properties":{"a":{"$ref":"#/definitions/d0"}}}"##,
        )
    };
    all::<Json>("all of all", &[wrapped("minimum"), wrapped("maxLength")], &[]);
}

#[test]
fn protobuf_that_is_deep() {
    for depth in [50, 99, usize::MAX] {
        let texts = [
            nested("message M{", "", "}", depth),
            format!(
                "message M {{ optional group A = 1 {{ {} }} }}",
                nested("optional group B = 1 {", "", "}", depth)
            ),
            format!("option (a) = {};", nested("{a:", "1", "}", depth)),
            format!("message M {{ oneof o {{ {} }} }}", nested("group C = 1 {", "", "}", depth)),
            "/*".repeat(depth.min(SIZE / 2)),
        ];
        all::<Protobuf>(&format!("depth {depth}"), &texts, &[]);
    }
}

#[test]
fn protobuf_that_is_wide() {
    let syntax = r#"syntax = "proto3";"#;
    let fields = |kind: &str, name: &str| {
        grown(&format!("{syntax} message M {{"), "}", |n| {
            format!("{} {name}{n} = {};", kind.replace('#', &n.to_string()), n + 1)
        })
    };
    let texts = [
        fields("int32", "a"),
        fields("string", "b"),
        fields("map<string, M>", "c"),
        fields("N#", "d"),
        fields("repeated M", "e"),
    ];
    all::<Protobuf>("fields", &texts, &[]);
    let messages = |field: &str| {
        grown(syntax, "", |n| {
            format!("message M{n} {{ {} }}", field.replace('#', &(n / 2).to_string()))
        })
    };
    let oneofs = grown(&format!("{syntax} message M {{"), "}", |n| {
        format!("oneof o{n} {{ string s{n} = {}; }}", n + 1)
    });
    let values =
        grown(&format!("{syntax} enum E {{ Z = 0;"), "}", |n| format!("V{n} = {};", n + 1));
    let services = grown(&format!("{syntax} message M {{}} service S {{"), "}", |n| {
        format!("rpc R{n}(M) returns (M);")
    });
    let options = grown(&format!("{syntax} message M {{ string a = 1 ["), "c = 1];}", |n| {
        format!("(o{n}) = \"x\",")
    });
    let reserved =
        grown("message M { reserved 1", "; }", |n| format!(", {} to {}", 3 * n + 5, 3 * n + 6));
    let texts = [
        messages("M# m = 1;"),
        messages("int32 x = 1;"),
        oneofs,
        values,
        services,
        options,
        reserved,
    ];
    all::<Protobuf>("declarations", &texts, &[]);
}

#[test]
fn protobuf_that_refers() {
    // In another file each message has the next one twice, and each leads on.
    let file = |kind: &str, count: usize| {
        let mut text = r#"syntax = "proto3"; package p; "#.to_owned();
        for n in 0..count {
            write!(
                text,
                "message N{n} {{ N{} a = 1; N{} b = 2; {kind} c = 3; }}",
                n + 1,
                (n + 2).min(count)
            )
            .unwrap();
        }
        text + &format!("message N{count} {{}}")
    };
    let main = |name: &str| {
        format!(r#"syntax = "proto3"; import "{name}"; message M {{ p.N0 a = 1; p.N1 b = 2; }}"#)
    };
    for count in [100, 5_000] {
        let one = Dependency { name: "one".to_owned(), text: file("int32", count) };
        let same = Protobuf::parse(&main("one"), std::slice::from_ref(&one), true).unwrap();
        let other = Dependency { name: "one".to_owned(), text: file("string", count) };
        let other = Protobuf::parse(&main("one"), &[other], true).unwrap();
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            let before = cpu();
            assert!(!Protobuf::incompatibilities(&same, &other).is_empty());
            cpu() - before
        });
        let took = thread.unwrap().join().unwrap();
        assert!(took < LIMIT, "comparing {count} messages of other files took {took:?}");
    }
}
