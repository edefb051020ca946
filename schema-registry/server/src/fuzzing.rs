//! The fold of the topic's records, for `tests/fuzz`: any records, without a panic, soon.

use gantry_log::{LogRecord, RecordHeader, Str};

use crate::records::EXPECT;
use crate::state::{Deleted, State};

/// Folds a record of each line: key, value and condition, with tabs between them; what is empty is
/// not there. Whoever folds them comes to the same state, in which an id is that of one schema.
pub fn fold(bytes: &[u8]) {
    let records: Vec<LogRecord> = bytes.split(|byte| *byte == b'\n').map(record).collect();
    let (one, other) = (folded(&records), folded(&records));
    assert!(one == other, "the same records give the same state");
    for (context, id) in one.ids() {
        let name = crate::names::prefix_of(&context);
        let schema = one.by_id(id, &name).expect("an id is that of a schema");
        let _ = one.versions_of_id(id, &name, true);
        for (subject, version) in one.places(&context, id) {
            let place = one.version(subject, version).expect("a schema is where its id says");
            assert_eq!(place.schema.id, id, "and has this id there");
            assert_eq!(place.schema.text, schema.schema.text, "which stands for one text");
        }
    }
    for subject in one.subjects("", Deleted::With) {
        let _ = (one.latest(&subject), one.mode_in_scope(&subject), one.config_in_scope(&subject));
        for stored in one.versions(&subject, Deleted::With) {
            let schema = &stored.schema;
            let found = one.by_id(schema.id, &subject).expect("a schema is found by its id");
            assert_eq!(found.schema.text, schema.text, "and no other one is");
            let _ = one.referring_subjects(&subject, stored.schema.version, true);
            let _ = one.expect_subject(&subject);
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
