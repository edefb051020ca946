//! The fold of the topic's records, for `tests/fuzz`: any records, without a panic, soon.

use std::collections::BTreeMap;

use gantry_log::{LogRecord, RecordHeader, Str};

use crate::names::context_of;
use crate::records::EXPECT;
use crate::rights::Rights;
use crate::state::{Deleted, State};

/// Folds a record of each line: key, value and condition, with tabs between them; what is empty is
/// not there. Whoever folds them comes to the same state, in which no two schemas have one id.
pub fn fold(bytes: &[u8]) {
    let records: Vec<LogRecord> = bytes.split(|byte| *byte == b'\n').map(record).collect();
    let (one, other) = (folded(&records), folded(&records));
    assert!(one == other, "the same records give the same state");
    let mut texts = BTreeMap::new();
    for subject in one.subjects("", Deleted::With) {
        let _ = (one.latest(&subject), one.mode_in_scope(&subject), one.config_in_scope(&subject));
        let _ = one.expect_subject(&subject);
        for stored in one.versions(&subject, Deleted::With) {
            let schema = &stored.schema;
            let of_id = (context_of(&subject).to_owned(), schema.id);
            let text = texts.entry(of_id).or_insert_with(|| schema.text.clone());
            assert_eq!(*text, schema.text, "an id stands for one text");
            assert!(
                one.by_id(schema.id, &subject, &Rights::ALL).is_some(),
                "a schema is found by its id"
            );
            let _ = one.versions_of_id(schema.id, &subject, true, &Rights::ALL);
            let _ = one.referring_subjects(&subject, schema.version, true);
        }
    }
}

fn folded(records: &[LogRecord]) -> State {
    let mut state = State::default();
    for (offset, record) in records.iter().enumerate() {
        state.apply(offset as u64, record);
    }
    state
}

fn record(line: &[u8]) -> LogRecord {
    let mut parts = line.split(|byte| *byte == b'\t');
    let mut part = || parts.next().filter(|part| !part.is_empty()).map(<[u8]>::to_vec);
    let (key, value, expect) = (part(), part(), part());
    LogRecord {
        key: key.map(Into::into),
        value: value.map(Into::into),
        headers: expect
            .map(|expect| RecordHeader { key: Str::from(EXPECT), value: Some(expect.into()) })
            .into_iter()
            .collect(),
        timestamp_ms: 0,
    }
}
