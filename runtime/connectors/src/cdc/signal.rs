//! Signals: rows that users insert into a table to tell the connector something.

use gantry_api::Value;
use serde_json::Value as Json;

use super::emit::Op;

/// What a user wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Signal {
    Execute {
        collections: Vec<String>,
        conditions: Vec<(String, String)>,
        surrogate: Option<String>,
    },
    /// No collections: all.
    Stop {
        collections: Vec<String>,
    },
    Pause,
    Resume,
    Log {
        message: String,
    },
    /// The connector's own marks.
    Open,
    Close,
}

/// A row of the table of signals.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) id: String,
    pub(crate) signal: Signal,
}

/// A change of the table of signals.
#[derive(Clone, Debug)]
pub(crate) enum Sign {
    Received(Received),
    /// A mark was deleted.
    Deleted(String),
}

/// What a change of the table of signals says. `deletes_marks`: whether marks are deleted.
pub(crate) fn sign(
    op: Op,
    before: Option<&[Value]>,
    after: Option<&[Value]>,
    deletes_marks: bool,
) -> Option<Sign> {
    match op {
        Op::Create => read(after?).map(Sign::Received),
        Op::Delete if deletes_marks => {
            before?.first()?.as_str().map(|id| Sign::Deleted(id.to_owned()))
        }
        _ => None,
    }
}

pub(crate) const OPEN: &str = "snapshot-window-open";
pub(crate) const CLOSE: &str = "snapshot-window-close";

/// Reads a row: its id, its type and its data. What cannot be read is logged and passed over, as a signal must never
/// end the stream.
fn read(values: &[Value]) -> Option<Received> {
    let [id, kind, data] = values else {
        tracing::warn!("The signal event should have 3 fields but has {}", values.len());
        return None;
    };
    let (id, kind) = (id.as_str()?.to_owned(), kind.as_str()?);
    let data: Json = match data.as_str().map(str::trim).filter(|text| !text.is_empty()) {
        // Marks have data of the connector's own.
        Some(text) if kind != OPEN && kind != CLOSE => match serde_json::from_str(text) {
            Ok(data) => data,
            Err(error) => {
                tracing::warn!(signal = id, kind, %error, "the data of a signal is no JSON; it is passed over");
                return None;
            }
        },
        _ => Json::Null,
    };
    let signal = match kind {
        OPEN => Signal::Open,
        CLOSE => Signal::Close,
        "execute-snapshot" => execute(&id, &data)?,
        "stop-snapshot" => Signal::Stop { collections: texts(&data["data-collections"]) },
        "pause-snapshot" => Signal::Pause,
        "resume-snapshot" => Signal::Resume,
        "log" => Signal::Log { message: data["message"].as_str().unwrap_or_default().to_owned() },
        _ => {
            tracing::warn!(
                "Signal '{id}' has been received but the type '{kind}' is not recognized"
            );
            return None;
        }
    };
    Some(Received { id, signal })
}

fn execute(id: &str, data: &Json) -> Option<Signal> {
    let kind = data["type"].as_str().unwrap_or("INCREMENTAL");
    if !kind.eq_ignore_ascii_case("incremental") {
        tracing::warn!(
            signal = id,
            "Detected an unexpected snapshot type '{kind}'. Signal will be skipped. Only incremental snapshots \
             can be asked for"
        );
        return None;
    }
    let collections = texts(&data["data-collections"]);
    if collections.is_empty() {
        tracing::warn!(
            signal = id,
            "execute-snapshot has no 'data-collections'; it is passed over"
        );
        return None;
    }
    let conditions = data["additional-conditions"].as_array().cloned().unwrap_or_default();
    let conditions = conditions.iter().filter_map(|one| {
        let of = one["data-collection"].as_str()?;
        Some((of.to_owned(), one["filter"].as_str()?.to_owned()))
    });
    Some(Signal::Execute {
        collections,
        conditions: conditions.collect(),
        surrogate: data["surrogate-key"].as_str().map(str::to_owned).filter(|key| !key.is_empty()),
    })
}

fn texts(list: &Json) -> Vec<String> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|one| one.as_str()).map(|one| one.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: &str, data: &str) -> Option<Signal> {
        read(&[Value::str("1"), Value::str(kind), Value::str(data)]).map(|read| read.signal)
    }

    #[test]
    fn signals_are_read_and_strange_ones_passed_over() {
        let data = r#"{"data-collections": ["s.t"], "type": "incremental", "surrogate-key": "k",
                       "additional-conditions": [{"data-collection": "s.t", "filter": "a > 1"}]}"#;
        let expected = Signal::Execute {
            collections: vec!["s.t".to_owned()],
            conditions: vec![("s.t".to_owned(), "a > 1".to_owned())],
            surrogate: Some("k".to_owned()),
        };
        assert_eq!(of("execute-snapshot", data), Some(expected));
        assert_eq!(of("stop-snapshot", ""), Some(Signal::Stop { collections: Vec::new() }));
        assert_eq!(of(OPEN, "not read"), Some(Signal::Open));
        for (kind, data) in [
            ("execute-snapshot", "{}"),
            ("execute-snapshot", r#"{"type": "blocking", "data-collections": ["a"]}"#),
            ("execute-snapshot", "{"),
            ("other", "{}"),
        ] {
            assert_eq!(of(kind, data), None, "{kind} {data}");
        }
        assert!(read(&[Value::str("1")]).is_none());
    }
}
