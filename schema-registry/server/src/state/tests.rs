use bytes::Bytes;
use gantry_log::{LogRecord, RecordHeader, Str};
use serde_json::json;

use super::{Expect, State};
use crate::config::Mode;
use crate::model::Schema;
use crate::records::{Draft, EXPECT};
use crate::rights::Rights;

/// A topic and what it comes to.
#[derive(Default)]
struct Topic {
    records: Vec<LogRecord>,
    state: State,
}

impl Topic {
    fn append(&mut self, record: LogRecord) -> bool {
        let offset = u64::try_from(self.records.len()).unwrap();
        self.records.push(record.clone());
        self.state.apply(offset, &record).counts
    }

    /// A record of this registry.
    fn own(&mut self, draft: &Draft, expect: &Expect) -> bool {
        let claim = format!("test-{}", self.records.len());
        let value = Some(Bytes::from(expect.to_bytes()));
        let headers = vec![RecordHeader { key: Str::from(EXPECT), value }];
        let (key, value) = (draft.key_bytes(&claim).into(), draft.value.to_string().into());
        self.append(LogRecord { key: Some(key), value: Some(value), headers, timestamp_ms: 7 })
    }

    /// A record of Confluent's registry.
    fn imported(&mut self, key: &serde_json::Value, value: Option<serde_json::Value>) -> bool {
        let value = value.map(|value| value.to_string().into());
        let key = Some(key.to_string().into());
        self.append(LogRecord { key, value, headers: Vec::new(), timestamp_ms: 7 })
    }

    fn register(&mut self, schema: &Schema) -> bool {
        let expect = self.state.expect_subject(&schema.subject).with_id(schema.id);
        self.own(&Draft::schema(schema, false), &expect)
    }
}

fn schema(subject: &str, version: i32, id: i32, text: &str) -> Schema {
    Schema {
        subject: subject.to_owned(),
        version,
        id,
        schema_type: "AVRO".to_owned(),
        text: Some(text.to_owned()),
        ..Schema::default()
    }
}

#[test]
fn of_two_that_judged_at_once_the_first_counts() {
    let mut topic = Topic::default();
    let expect = topic.state.expect_subject("a").with_id(1);
    assert!(topic.own(&Draft::schema(&schema("a", 1, 1, "\"int\""), false), &expect));
    assert!(!topic.own(&Draft::schema(&schema("a", 1, 1, "\"long\""), false), &expect));
    let kept = topic.state.version("a", 1).unwrap();
    assert_eq!(kept.schema.text.as_deref(), Some("\"int\""));
}

#[test]
fn the_same_schema_has_one_id_whoever_is_first() {
    let mut topic = Topic::default();
    let (of_a, of_b) = (topic.state.expect_subject("a"), topic.state.expect_subject("b"));
    let text = "\"int\"";
    assert!(topic.own(&Draft::schema(&schema("a", 1, 1, text), false), &of_a.with_id(1)));
    assert!(topic.own(&Draft::schema(&schema("b", 1, 1, text), false), &of_b.with_id(1)));
    // Another one must not have that id, nor this one another.
    let of_c = topic.state.expect_subject("c");
    assert!(
        !topic.own(&Draft::schema(&schema("c", 1, 1, "\"long\""), false), &of_c.clone().with_id(1))
    );
    assert!(!topic.own(&Draft::schema(&schema("c", 1, 2, text), false), &of_c.with_id(2)));
    assert_eq!(topic.state.places(".", 1).count(), 2);
}

#[test]
fn an_id_leads_to_its_schema_until_the_last_version_of_it_is_gone() {
    let key =
        |version: i32| json!({"keytype": "SCHEMA", "subject": "a", "version": version, "magic": 1});
    let value = |id: i32| Some(json!({"subject": "a", "id": id, "schema": "\"int\""}));
    let mut topic = Topic::default();
    // The same schema, imported as two versions, of which one is taken away.
    topic.imported(&key(1), value(7));
    topic.imported(&key(2), value(7));
    topic.imported(&key(2), None);
    assert_eq!(topic.state.by_id(7, "", &Rights::ALL).map(|found| found.schema.version), Some(1));
    assert!(!topic.register(&schema("b", 1, 7, "\"long\"")), "the id is still taken");
}

#[test]
fn a_change_of_rules_breaks_what_was_judged_by_them() {
    let rules = [
        Draft::config("a", json!({"compatibilityLevel": "NONE"})),
        Draft::config("", json!({"compatibilityLevel": "NONE"})),
        Draft::config(":.__GLOBAL:", json!({"compatibilityLevel": "NONE"})),
        Draft::mode("a", Some("READONLY"), false, false),
        Draft::mode("", Some("READONLY"), false, false),
    ];
    for rule in rules {
        let mut topic = Topic::default();
        let judged = topic.state.expect_subject("a").with_id(1);
        let other = topic.state.expect_subject(":.c:a").with_id(1);
        let name = rule.key["subject"].as_str().unwrap_or_default().to_owned();
        let expect = topic.state.expect_rules(&name);
        assert!(topic.own(&rule, &expect));
        assert!(!topic.own(&rule, &expect), "a rule that was judged before another one");
        assert!(!topic.own(&Draft::schema(&schema("a", 1, 1, "\"int\""), false), &judged));
        let elsewhere = Draft::schema(&schema(":.c:a", 1, 1, "\"int\""), false);
        // Those of the default context hold in no other one, but where nothing nearer is set.
        assert_eq!(topic.own(&elsewhere, &other), name == "a");
    }
}

#[test]
fn a_reference_breaks_the_deletion_of_what_it_refers_to() {
    let mut topic = Topic::default();
    assert!(topic.register(&schema("inner", 1, 1, "\"int\"")));
    let deletion = topic.state.expect_subject("inner");
    let mut referring = topic.state.expect_subject("outer").with_id(2);
    topic.state.add_subject(&mut referring, "inner");
    assert!(topic.own(&Draft::schema(&schema("outer", 1, 2, "\"long\""), false), &referring));
    assert!(!topic.own(&Draft::without_subject("inner", 1, false), &deletion));
    // And the other way round.
    let deletion = topic.state.expect_subject("inner");
    let mut referring = topic.state.expect_subject("outer").with_id(3);
    topic.state.add_subject(&mut referring, "inner");
    assert!(topic.own(&Draft::without_subject("inner", 1, false), &deletion));
    assert!(!topic.own(&Draft::schema(&schema("outer", 2, 3, "\"bytes\""), false), &referring));
}

#[test]
fn a_new_subject_breaks_what_needs_an_empty_context() {
    for name in [":.c:", ":.c:a", "", ":.__GLOBAL:"] {
        let mut topic = Topic::default();
        let mut expect = topic.state.expect_rules(name);
        topic.state.add_named(&mut expect, name);
        assert!(topic.register(&schema(":.c:a", 1, 1, "\"int\"")));
        assert!(!topic.own(&Draft::mode(name, Some("IMPORT"), true, false), &expect), "{name}");
    }
}

#[test]
fn a_subject_that_is_gone_has_no_rules() {
    let mut topic = Topic::default();
    assert!(topic.register(&schema("a", 1, 1, "\"int\"")));
    let expect = topic.state.expect_rules("a");
    assert!(topic.own(&Draft::config("a", json!({"compatibilityLevel": "NONE"})), &expect));
    let expect = topic.state.expect_subject("a");
    assert!(topic.own(&Draft::without_subject("a", 1, false), &expect));
    assert!(topic.state.config("a").is_some() && topic.state.latest("a").is_none());
    let expect = topic.state.expect_subject("a");
    assert!(topic.own(&Draft::without_subject("a", 1, true), &expect));
    assert!(topic.state.config("a").is_none() && !topic.state.has_subjects(Some("a"), true));
    // Its id is not given to another one.
    assert_eq!(topic.state.max_id("."), Some(1));
}

#[test]
fn topics_of_confluent_are_read() {
    let mut topic = Topic::default();
    let key =
        |version: i32| json!({"keytype": "SCHEMA", "subject": "a", "version": version, "magic": 1});
    let value = |version: i32, id: i32, text: &str| {
        Some(json!({"subject": "a", "version": version, "id": id, "schema": text,
                    "deleted": false, "md5": "x"}))
    };
    assert!(topic.imported(&json!({"keytype": "NOOP", "magic": 0}), None));
    let config = json!({"keytype": "CONFIG", "magic": 0});
    assert!(topic.imported(&config, Some(json!({"compatibilityLevel": "FULL"}))));
    assert!(topic.imported(&key(1), value(1, 5, "\"int\"")));
    assert!(topic.imported(&key(2), value(2, 6, "\"long\"")));
    // An id that another schema has.
    assert!(!topic.imported(&key(3), value(3, 6, "\"bytes\"")));
    let mode = json!({"keytype": "MODE", "subject": "a", "magic": 0});
    assert!(topic.imported(&mode, Some(json!({"subject": "a", "mode": "READONLY"}))));
    let context = json!({"keytype": "CONTEXT", "tenant": "default", "context": ".c", "magic": 0});
    assert!(topic.imported(&context, Some(json!({"tenant": "default", "context": ".c"}))));
    let delete = json!({"keytype": "DELETE_SUBJECT", "subject": "a", "magic": 0});
    assert!(topic.imported(&delete, Some(json!({"subject": "a", "version": 1}))));
    assert!(!topic.imported(&json!("nope"), None));
    let state = &topic.state;
    assert_eq!(state.config_in_scope("a").unwrap().compatibility_level.as_deref(), Some("FULL"));
    assert_eq!(state.mode_in_scope("a"), Mode::ReadOnly);
    assert_eq!(state.contexts(), [".", ".c"]);
    assert_eq!(state.latest("a").unwrap().schema.version, 2);
    assert!(state.version("a", 1).unwrap().deleted);
    assert!(topic.imported(&key(1), None));
    assert!(topic.state.version("a", 1).is_none());
    assert_eq!(topic.state.max_id("."), Some(6));
}

#[test]
fn what_cannot_be_judged_does_not_count() {
    let mut topic = Topic::default();
    let draft = Draft::schema(&schema("a", 1, 1, "\"int\""), false);
    let value = Some(Bytes::from_static(br#"{"format":2}"#));
    let headers = vec![RecordHeader { key: Str::from(EXPECT), value }];
    let key = Some(draft.key_bytes("x").into());
    let value = Some(draft.value.to_string().into());
    assert!(!topic.append(LogRecord { key, value, headers, timestamp_ms: 0 }));
    assert!(topic.state.version("a", 1).is_none());
}

/// Nodes that have folded different amounts judge and append in turns: whatever the order, all
/// come to the same state, and each id is that of one schema.
#[test]
fn interleaved_writers_come_to_the_same_state() {
    for seed in 0..60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut topic = Topic::default();
        let mut nodes: Vec<(State, usize)> = vec![Default::default(); 3];
        let mut counted = 0;
        for _ in 0..60 {
            let node = random.usize(..nodes.len());
            let (state, folded) = &mut nodes[node];
            for offset in *folded..random.usize(*folded..=topic.records.len()) {
                state.apply(u64::try_from(offset).unwrap(), &topic.records[offset]);
                *folded = offset + 1;
            }
            let subject = ["a", "b"][random.usize(..2)];
            let draft_and_expect = judge(state, subject, &mut random);
            counted += usize::from(topic.own(&draft_and_expect.0, &draft_and_expect.1));
        }
        assert!(counted > 10, "seed {seed}: {counted}");
        for (state, folded) in &mut nodes {
            for offset in *folded..topic.records.len() {
                state.apply(u64::try_from(offset).unwrap(), &topic.records[offset]);
            }
            assert_eq!(*state, topic.state, "seed {seed}");
        }
        let mut ids = std::collections::HashMap::new();
        for subject in ["a", "b"] {
            for stored in topic.state.versions(subject, super::Deleted::With) {
                let text =
                    ids.entry(stored.schema.id).or_insert_with(|| stored.schema.text.clone());
                assert_eq!(*text, stored.schema.text, "seed {seed}");
            }
        }
    }
}

fn judge(state: &State, subject: &str, random: &mut fastrand::Rng) -> (Draft, Expect) {
    let expect = state.expect_subject(subject);
    let last = state.versions(subject, super::Deleted::With).last().cloned();
    let version = last.as_ref().map_or(1, |last| last.schema.version + 1);
    if version > 1 && random.u8(..5) == 0 {
        return (Draft::without_subject(subject, version - 1, random.bool()), expect);
    }
    let mut new = schema(subject, version, 0, &format!("\"{}\"", random.u8(..6)));
    let known = state.id_of(".", &crate::guid::hash(&new));
    new.id = known.unwrap_or_else(|| state.max_id(".").map_or(1, |max| max + 1));
    let id = new.id;
    (Draft::schema(&new, false), expect.with_id(id))
}
