//! A connection to PostgreSQL that can also stream changes, which the client library of the JDBC connectors cannot.
//! It speaks the simple query protocol, in which all values are texts: those of changes are, too, so that there
//! is one way to read them.

mod stream;

use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use gantry_api::CancellationToken;
use postgres::fallible_iterator::FallibleIterator;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use postgres_protocol::message::backend::{self, ErrorResponseBody, Message};
use postgres_protocol::message::frontend;

pub(super) use self::stream::{Access, SslMode};
use self::stream::{Read, Stream};
use crate::jdbc::db::{SqlError, SqlResult};

/// What begins a stream both ways; the library has no name for it.
const COPY_BOTH_TAG: u8 = b'W';
/// Room that is made for what the server sends.
const READ_BYTES: usize = 64 * 1024;
/// The largest message: PostgreSQL's own limit of a value is 1 GiB.
const MESSAGE_MAX: usize = (1 << 30) + (64 << 20);
/// How long a server may take to answer at the beginning.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// A connection. It blocks, but never longer than a moment once it is cancelled.
pub(super) struct Wire {
    stream: Stream,
    input: BytesMut,
    output: BytesMut,
    cancel: CancellationToken,
    /// How long an answer may take; `None` is for ever.
    pub(super) limit: Option<Duration>,
    is_broken: bool,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Wire {
    /// Connects and says who asks. With `replication` it can stream changes.
    pub(super) fn open(
        access: &Access,
        replication: bool,
        cancel: &CancellationToken,
    ) -> SqlResult<Self> {
        let stream = Stream::open(access)?;
        let mut wire = Self {
            stream,
            input: BytesMut::with_capacity(READ_BYTES),
            output: BytesMut::new(),
            cancel: cancel.clone(),
            limit: Some(CONNECT_LIMIT),
            is_broken: false,
        };
        let mut parameters = vec![
            ("user", access.user.as_str()),
            ("database", access.database.as_str()),
            ("client_encoding", "UTF8"),
            ("application_name", access.application.as_str()),
        ];
        if replication {
            parameters.push(("replication", "database"));
        }
        frontend::startup_message(parameters, &mut wire.output).map_err(|error| broken(&error))?;
        wire.send()?;
        wire.log_in(access)?;
        wire.limit = access.limit;
        // As texts are read here, whatever the user's settings are.
        wire.execute(
            "SET DateStyle = 'ISO, MDY'; SET TimeZone = 'UTC'; SET IntervalStyle = 'iso_8601'; \
             SET bytea_output = 'hex'; SET extra_float_digits = 3; SET standard_conforming_strings = on; \
             SET xmlbinary = 'base64'",
        )?;
        Ok(wire)
    }

    fn log_in(&mut self, access: &Access) -> SqlResult<()> {
        let mut scram: Option<ScramSha256> = None;
        loop {
            match self.message()? {
                Message::AuthenticationOk
                | Message::ParameterStatus(_)
                | Message::BackendKeyData(_)
                | Message::NoticeResponse(_) => continue,
                Message::ReadyForQuery(_) => return Ok(()),
                Message::ErrorResponse(body) => return Err(self.refused(&body)),
                Message::AuthenticationCleartextPassword => {
                    let password = access.password_bytes()?;
                    frontend::password_message(password, &mut self.output)
                        .map_err(|error| broken(&error))?;
                }
                Message::AuthenticationMd5Password(body) => {
                    let hash =
                        md5_hash(access.user.as_bytes(), access.password_bytes()?, body.salt());
                    frontend::password_message(hash.as_bytes(), &mut self.output)
                        .map_err(|error| broken(&error))?;
                }
                Message::AuthenticationSasl(_) => {
                    let begun =
                        ScramSha256::new(access.password_bytes()?, ChannelBinding::unsupported());
                    frontend::sasl_initial_response(
                        "SCRAM-SHA-256",
                        begun.message(),
                        &mut self.output,
                    )
                    .map_err(|error| broken(&error))?;
                    scram = Some(begun);
                }
                Message::AuthenticationSaslContinue(body) => {
                    let scram = scram.as_mut().ok_or_else(|| unexpected("SASL"))?;
                    scram.update(body.data()).map_err(|error| broken(&error))?;
                    frontend::sasl_response(scram.message(), &mut self.output)
                        .map_err(|error| broken(&error))?;
                }
                Message::AuthenticationSaslFinal(body) => {
                    let scram = scram.as_mut().ok_or_else(|| unexpected("SASL"))?;
                    scram.finish(body.data()).map_err(|error| broken(&error))?;
                    continue;
                }
                _ => {
                    return Err(SqlError::Connection(
                        "the server asks for a kind of authentication other than a password \
                         (SCRAM-SHA-256, MD5 or clear text)"
                            .to_owned(),
                    ));
                }
            }
            self.send()?;
        }
    }

    /// Executes statements, and gives the rows of all of them to the reader. A reader's error ends it; the connection
    /// is then of no more use.
    pub(in crate::cdc::postgres) fn select(
        &mut self,
        sql: &str,
        mut row: impl FnMut(&Row) -> SqlResult<()>,
    ) -> SqlResult<()> {
        frontend::query(sql, &mut self.output).map_err(|error| broken(&error))?;
        self.send()?;
        let mut failed = None;
        loop {
            match self.message()? {
                Message::DataRow(body) => {
                    if let Err(error) = row(&Row(body)) {
                        self.is_broken = true;
                        return Err(error);
                    }
                }
                Message::ErrorResponse(body) => failed = Some(self.refused(&body)),
                Message::ReadyForQuery(_) => return failed.map_or(Ok(()), Err),
                _ => {}
            }
        }
    }

    /// Executes statements that give nothing.
    pub(in crate::cdc::postgres) fn execute(&mut self, sql: &str) -> SqlResult<()> {
        self.select(sql, |_| Ok(()))
    }

    /// The rows of a short answer.
    pub(in crate::cdc::postgres) fn rows(
        &mut self,
        sql: &str,
    ) -> SqlResult<Vec<Vec<Option<String>>>> {
        let mut rows = Vec::new();
        self.select(sql, |row| {
            let mut texts = Vec::new();
            row.each(|cell| {
                texts.push(cell.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
                Ok(())
            })?;
            rows.push(texts);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row of a short answer.
    pub(in crate::cdc::postgres) fn row(
        &mut self,
        sql: &str,
    ) -> SqlResult<Option<Vec<Option<String>>>> {
        Ok(self.rows(sql)?.into_iter().next())
    }

    /// The only value of an answer.
    pub(in crate::cdc::postgres) fn value(&mut self, sql: &str) -> SqlResult<Option<String>> {
        Ok(self.row(sql)?.and_then(|row| row.into_iter().next().flatten()))
    }

    /// Begins a stream both ways.
    pub(in crate::cdc::postgres) fn begin_stream(&mut self, command: &str) -> SqlResult<()> {
        frontend::query(command, &mut self.output).map_err(|error| broken(&error))?;
        self.send()?;
        loop {
            self.fill_message()?;
            if self.input.first() == Some(&COPY_BOTH_TAG) {
                let length = self.length()?;
                self.input.advance(length);
                return Ok(());
            }
            match self.message()? {
                Message::ErrorResponse(body) => return Err(self.refused(&body)),
                Message::ReadyForQuery(_) => return Err(unexpected("START_REPLICATION")),
                _ => {}
            }
        }
    }

    /// The next part of the stream; `None` if nothing came within the time. The stream's end is an error.
    pub(in crate::cdc::postgres) fn next(&mut self, limit: Duration) -> SqlResult<Option<Bytes>> {
        let until = Instant::now() + limit;
        loop {
            if !self.has_message()? {
                match self.read_some(Some(until))? {
                    true => continue,
                    false => return Ok(None),
                }
            }
            match self.parse()? {
                Message::CopyData(body) => return Ok(Some(body.into_bytes())),
                Message::ErrorResponse(body) => return Err(self.refused(&body)),
                Message::CopyDone | Message::CommandComplete(_) | Message::ReadyForQuery(_) => {
                    self.is_broken = true;
                    let text = "the server has ended the stream of changes".to_owned();
                    return Err(SqlError::Connection(text));
                }
                _ => {}
            }
        }
    }

    /// Whether a part of the stream is there without waiting.
    pub(in crate::cdc::postgres) fn has_next(&mut self) -> SqlResult<bool> {
        self.has_message()
    }

    /// Says something in the stream.
    pub(in crate::cdc::postgres) fn say(&mut self, data: &[u8]) -> SqlResult<()> {
        self.output.put_u8(backend::COPY_DATA_TAG);
        self.output.put_i32(i32::try_from(data.len() + 4).unwrap_or(i32::MAX));
        self.output.extend_from_slice(data);
        self.send()
    }

    fn send(&mut self) -> SqlResult<()> {
        let output = self.output.split().freeze();
        let sent = self.stream.write(&output, &self.cancel);
        sent.map_err(|error| self.gone(error))
    }

    fn message(&mut self) -> SqlResult<Message> {
        self.fill_message()?;
        self.parse()
    }

    /// Waits until there is one.
    fn fill_message(&mut self) -> SqlResult<()> {
        let until = self.limit.map(|limit| Instant::now() + limit);
        while !self.has_message()? {
            if !self.read_some(until)? {
                self.is_broken = true;
                let limit = self.limit.unwrap_or_default().as_millis();
                return Err(SqlError::Connection(format!("no answer within {limit} ms")));
            }
        }
        Ok(())
    }

    /// The bytes of the message that comes next.
    fn length(&self) -> SqlResult<usize> {
        let header = backend::Header::parse(&self.input).map_err(|error| broken(&error))?;
        let Some(header) = header else { return Ok(5) };
        let length = usize::try_from(header.len()).unwrap_or(usize::MAX);
        if length > MESSAGE_MAX {
            return Err(SqlError::Connection(format!(
                "the server sends a message of {length} bytes"
            )));
        }
        Ok(length + 1)
    }

    fn has_message(&self) -> SqlResult<bool> {
        Ok(self.input.len() >= 5 && self.input.len() >= self.length()?)
    }

    fn parse(&mut self) -> SqlResult<Message> {
        let parsed = Message::parse(&mut self.input).map_err(|error| broken(&error))?;
        parsed.ok_or_else(|| unexpected("half a message"))
    }

    /// Reads what is there; false if nothing came until then.
    fn read_some(&mut self, until: Option<Instant>) -> SqlResult<bool> {
        let want = self.length()?.saturating_sub(self.input.len()).max(READ_BYTES);
        self.input.reserve(want);
        match self.stream.read(&mut self.input, until, &self.cancel) {
            Ok(Read::Some) => Ok(true),
            Ok(Read::Nothing) => Ok(false),
            Err(error) => Err(self.gone(error)),
        }
    }

    fn gone(&mut self, error: std::io::Error) -> SqlError {
        self.is_broken = true;
        broken(&error)
    }

    fn refused(&mut self, body: &ErrorResponseBody) -> SqlError {
        let said = said(body);
        if let SqlError::Database { state, .. } = &said {
            // The server ends connections with these: 57P01 and others, 08.
            self.is_broken |= state.starts_with("57P") || state.starts_with("08");
        }
        said
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.is_broken {
            frontend::terminate(&mut self.output);
            // The server finds out by itself otherwise.
            drop(self.send());
        }
    }
}

/// A row, whose values are texts.
pub(in crate::cdc::postgres) struct Row(backend::DataRowBody);

impl Row {
    /// Gives each value, in order.
    pub(in crate::cdc::postgres) fn each(
        &self,
        mut cell: impl FnMut(Option<&[u8]>) -> SqlResult<()>,
    ) -> SqlResult<()> {
        let buffer = self.0.buffer();
        let mut ranges = self.0.ranges();
        while let Some(range) = ranges.next().map_err(|error| broken(&error))? {
            cell(range.and_then(|range| buffer.get(range)))?;
        }
        Ok(())
    }

    /// How many bytes it has.
    pub(in crate::cdc::postgres) fn len(&self) -> usize {
        self.0.buffer().len()
    }
}

fn broken(error: &std::io::Error) -> SqlError {
    SqlError::Connection(error.to_string())
}

fn unexpected(what: &str) -> SqlError {
    SqlError::Connection(format!("the server's answer is not PostgreSQL's: {what}"))
}

/// An error of the server, as other connections show it.
fn said(body: &ErrorResponseBody) -> SqlError {
    let (mut severity, mut state, mut message) = (String::new(), String::new(), String::new());
    let mut more = String::new();
    let mut fields = body.fields();
    while let Ok(Some(field)) = fields.next() {
        let text = String::from_utf8_lossy(field.value_bytes()).into_owned();
        match field.type_() {
            b'S' => severity = text,
            b'C' => state = text,
            b'M' => message = text,
            b'D' => more.push_str(&format!("\n  Detail: {text}")),
            b'H' => more.push_str(&format!("\n  Hint: {text}")),
            _ => {}
        }
    }
    SqlError::Database {
        message: format!("{severity}: {message}{more}"),
        is_permanent: SqlError::is_permanent_state(&state),
        state,
        code: 0,
    }
}
