//! VerifiableSink: prints each record when it is put and again when its offset is about to be
//! committed.

use std::collections::BTreeMap;
use std::fmt::Write;

use gantry_api::{
    Error, Props, Result, SinkOffsets, SinkRecord, SinkTask, SinkTaskContext, Str, TopicPartition,
    async_trait,
};

use super::config::{ID, NAME, number};
use super::json::{text_or_null, write_value};
use super::printer::Printer;

/// From so many bytes of lines on that wait for the commit, the task asks for one.
const UNFLUSHED_BYTES: usize = 8 * 1024 * 1024;

/// Prints what it gets.
#[derive(Debug, Default)]
pub struct VerifiableSinkTask {
    running: Option<Running>,
    pub(super) printer: Printer,
}

#[derive(Debug)]
struct Running {
    ctx: SinkTaskContext,
    name: Option<String>,
    id: i32,
    unflushed: BTreeMap<TopicPartition, Vec<Line>>,
    unflushed_bytes: usize,
    /// The last topic, with what its lines say after their time.
    tail: Option<(Str, Str)>,
}

/// A line without its time.
#[derive(Debug)]
struct Line {
    before: String,
    /// After the time; `None` where the whole line stands in `before`.
    after: Option<Str>,
}

#[async_trait]
impl SinkTask for VerifiableSinkTask {
    async fn start(&mut self, ctx: SinkTaskContext, props: &Props) -> Result<()> {
        let id = number(props, ID).map_err(|error| {
            Error::connect("Invalid VerifiableSinkTask configuration").caused_by(error)
        })?;
        self.running = Some(Running {
            ctx,
            name: props.get(NAME).cloned(),
            id,
            unflushed: BTreeMap::new(),
            unflushed_bytes: 0,
            tail: None,
        });
        Ok(())
    }

    async fn put(&mut self, records: &[SinkRecord]) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let time_ms = gantry_api::now_ms();
        for record in records {
            let line = running.line(record);
            self.printer.line(&line.text(time_ms, "}"));
            running.keep(record, line);
            if self.printer.is_full() {
                self.printer.flush().await?;
            }
        }
        if running.unflushed_bytes > UNFLUSHED_BYTES {
            running.ctx.request_commit();
        }
        self.printer.flush().await
    }

    async fn flush(&mut self, written: &SinkOffsets) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        let time_ms = gantry_api::now_ms();
        for queue in written.keys() {
            for line in running.unflushed.remove(queue).unwrap_or_default() {
                running.unflushed_bytes -= line.before.len();
                self.printer.line(&line.text(time_ms, ",\"flushed\":true}"));
                if self.printer.is_full() {
                    self.printer.flush().await?;
                }
            }
        }
        self.printer.flush().await
    }

    async fn close(&mut self, queues: &[TopicPartition]) -> Result<()> {
        let Some(running) = &mut self.running else { return Ok(()) };
        for queue in queues {
            for line in running.unflushed.remove(queue).unwrap_or_default() {
                running.unflushed_bytes -= line.before.len();
            }
        }
        Ok(())
    }
}

impl Running {
    fn line(&mut self, record: &SinkRecord) -> Line {
        let mut before = "{\"task\":".to_owned();
        let written = write_value(&record.record.key.value, &mut before).and_then(|()| {
            before.push_str(",\"seqno\":");
            write_value(&record.record.value.value, &mut before)
        });
        match written {
            Ok(()) => {
                let _ = write!(before, ",\"offset\":{},\"time_ms\":", record.offset);
                Line { before, after: Some(self.tail(&record.record.topic)) }
            }
            // Kafka's words.
            Err(reason) => {
                let before = format!("Bad data can't be written as json: {reason}");
                Line { before, after: None }
            }
        }
    }

    fn tail(&mut self, topic: &Str) -> Str {
        if let Some((known, tail)) = &self.tail
            && known == topic
        {
            return Str::clone(tail);
        }
        let tail: Str = format!(
            ",\"name\":{},\"topic\":{},\"sinkTask\":{}",
            text_or_null(self.name.as_deref()),
            text_or_null(Some(topic)),
            self.id
        )
        .into();
        self.tail = Some((Str::clone(topic), Str::clone(&tail)));
        tail
    }

    fn keep(&mut self, record: &SinkRecord, line: Line) {
        self.unflushed_bytes += line.before.len();
        match self.unflushed.get_mut(&record.origin) {
            Some(lines) => lines.push(line),
            None => {
                self.unflushed.insert(record.origin.clone(), vec![line]);
            }
        }
    }
}

impl Line {
    fn text(&self, time_ms: i64, end: &str) -> String {
        let Self { before, after } = self;
        match after {
            Some(after) => format!("{before}{time_ms}{after}{end}"),
            None => before.clone(),
        }
    }
}
