//! JSON by fields, in windows.

use chrono::{DateTime, Datelike, Utc};
use std::time::Duration;

use serde_json::Value;

use super::DataStream;
use super::totals::{Totals, What, Wish};
use crate::window::{Emit, Kind, Window, Windows};

/// The names of one field or several: `"city"`, `("city", "street")`, `["city", "street"]`.
pub trait Fields {
    /// In order.
    fn names(self) -> Vec<String>;
}

impl Fields for &str {
    fn names(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Fields for (&str, &str) {
    fn names(self) -> Vec<String> {
        [self.0, self.1].names()
    }
}

impl Fields for (&str, &str, &str) {
    fn names(self) -> Vec<String> {
        [self.0, self.1, self.2].names()
    }
}

impl<const N: usize> Fields for [&str; N] {
    fn names(self) -> Vec<String> {
        self.into_iter().map(str::to_owned).collect()
    }
}

/// JSON values in windows and groups, of which totals are made. What comes out of it are objects with
/// the fields of the group, the totals under their names, and the `start_time` and `end_time`
/// of the [`Window`] in UTC; each once, when the window is closed.
#[derive(Clone, Debug)]
pub struct DataWindow {
    stream: DataStream,
    windows: Option<Windows>,
    fields: Vec<String>,
    wishes: Vec<Wish>,
}

impl DataWindow {
    pub(super) fn new(stream: DataStream, kind: Option<Kind>) -> Self {
        let windows = kind.map(|kind| Windows::from(kind).emit(Emit::OnClose));
        Self { stream, windows, fields: Vec::new(), wishes: Vec::new() }
    }

    fn wish(mut self, what: What, field: &str, alias: &str) -> Self {
        self.wishes.push(Wish { what, field: field.to_owned(), alias: alias.to_owned() });
        self
    }

    /// A window for each value of these fields, and not one for all.
    #[must_use]
    pub fn group_by(mut self, fields: impl Fields) -> Self {
        self.fields = fields.names();
        self
    }

    /// The sum of a field, under a name. Texts with numbers count as numbers, whatever else is in the
    /// field does not count.
    #[must_use]
    pub fn sum(self, field: &str, alias: &str) -> Self {
        self.wish(What::Sum, field, alias)
    }

    /// The least number in a field, under a name; null if there is none.
    #[must_use]
    pub fn min(self, field: &str, alias: &str) -> Self {
        self.wish(What::Min, field, alias)
    }

    /// The greatest number in a field, under a name; null if there is none.
    #[must_use]
    pub fn max(self, field: &str, alias: &str) -> Self {
        self.wish(What::Max, field, alias)
    }

    /// The mean of the numbers in a field, under a name; null if there is none.
    #[must_use]
    pub fn avg(self, field: &str, alias: &str) -> Self {
        self.wish(What::Avg, field, alias)
    }

    /// How many values there are, under a name.
    #[must_use]
    pub fn count(self, alias: &str) -> Self {
        self.wish(What::Count, "", alias)
    }

    /// So many seconds a window waits for records that come late.
    #[must_use]
    pub fn water_mark(mut self, seconds: u64) -> Self {
        let grace = Duration::from_secs(seconds);
        self.windows = self.windows.map(|windows| windows.grace(grace));
        self
    }

    /// When a window tells its totals; [`Emit::OnClose`] unless told.
    #[must_use]
    pub fn emit(mut self, emit: Emit) -> Self {
        self.windows = self.windows.map(|windows| windows.emit(emit));
        self
    }

    /// State is kept on this machine only; false unless told.
    #[must_use]
    pub fn set_local_storage_only(self, local: bool) -> Self {
        self.stream.job.settings.borrow_mut().local_storage_only = local;
        self
    }

    /// The totals.
    #[expect(clippy::wrong_self_convention, reason = "the name is that of RocketMQ Streams")]
    pub fn to_data_stream(self) -> DataStream {
        let Self { stream, windows, fields, wishes } = self;
        let totals = Totals { wishes };
        let names = fields.clone();
        let grouped = stream.stream.group_by(move |_, value: &Value| group_of(value, &names));
        let result = match windows {
            Some(windows) => {
                grouped.window(windows).aggregate(totals).to_stream().map(move |at, totals| {
                    (None, result(&fields, &at.key, totals, Some(at.window)))
                })
            }
            None => grouped
                .aggregate(totals)
                .to_stream()
                .map(move |key, totals| (None, result(&fields, key, totals, None))),
        };
        stream.with(result)
    }
}

/// The values of the fields as one text: equal values have equal texts.
fn group_of(value: &Value, fields: &[String]) -> String {
    let parts = fields.iter().map(|field| value.get(field).cloned().unwrap_or_default());
    Value::Array(parts.collect()).to_string()
}

fn result(fields: &[String], group: &str, totals: Value, window: Option<Window>) -> Value {
    let parts: Vec<Value> = serde_json::from_str(group).unwrap_or_default();
    let mut all: serde_json::Map<String, Value> = fields.iter().cloned().zip(parts).collect();
    if let Value::Object(totals) = totals {
        all.extend(totals);
    }
    if let Some(window) = window {
        all.insert("start_time".to_owned(), time_text(window.start_ms).into());
        all.insert("end_time".to_owned(), time_text(window.end_ms).into());
    }
    Value::Object(all)
}

/// A time in UTC, as `2026-01-31 23:59:59`; with milliseconds if it has some. Times that no calendar
/// reaches are its last one.
fn time_text(time_ms: i64) -> String {
    let time = DateTime::from_timestamp_millis(time_ms).unwrap_or(DateTime::<Utc>::MAX_UTC);
    let (date, clock) = (time.date_naive(), time.format("%H:%M:%S"));
    let text = format!("{:04}-{:02}-{:02} {clock}", date.year(), date.month(), date.day());
    match time.timestamp_subsec_millis() {
        0 => text,
        millis => format!("{text}.{millis:03}"),
    }
}

#[cfg(test)]
mod tests {
    use super::time_text;

    #[test]
    fn times_are_told_as_the_calendar_has_them() {
        for (time, text) in [
            (0, "1970-01-01 00:00:00"),
            (-1, "1969-12-31 23:59:59.999"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_709_251_199_000, "2024-02-29 23:59:59"),
            (1_709_251_200_000, "2024-03-01 00:00:00"),
            (1_798_761_599_010, "2026-12-31 23:59:59.010"),
            (4_107_542_400_000, "2100-03-01 00:00:00"),
            (-2_208_988_800_000, "1900-01-01 00:00:00"),
        ] {
            assert_eq!(time_text(time), text);
        }
    }
}
