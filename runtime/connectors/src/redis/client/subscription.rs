//! Channels that are listened to, on a connection of their own.

use std::time::Duration;

use combine::parser::combinator::AnySendSyncPartialState;
use combine::stream::{Decoder, PointerOffset};
use redis::{Cmd, Value, parse_redis_value_async};
use tokio::io::AsyncWriteExt;

use super::address::Place;
use super::fault::Fault;
use super::open::{Opener, Wire};

/// What is listened to.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    pub(crate) names: Vec<String>,
    pub(crate) are_patterns: bool,
}

/// What was heard.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) pattern: Option<String>,
    pub(crate) channel: String,
    pub(crate) text: String,
}

/// So often it is asked whether the other side is still there, where nothing is heard.
const CALM: Duration = Duration::from_secs(30);

/// A connection that listens. What is not taken waits in the connection: what is too much for Redis it does not keep
/// (`client-output-buffer-limit pubsub`), and ends the connection.
pub(crate) struct Subscription {
    wire: Box<dyn Wire>,
    decoder: Decoder<AnySendSyncPartialState, PointerOffset<[u8]>>,
}

impl Subscription {
    pub(crate) async fn open(opener: &Opener, channels: &Channels) -> Result<Self, Fault> {
        let wire = opener.wire().await?;
        let mut listening = Self { wire, decoder: Decoder::default() };
        let limit = opener.place.connect_timeout;
        match tokio::time::timeout(limit, listening.begin(&opener.place, channels)).await {
            Ok(begun) => begun.map(|()| listening),
            Err(_) => Err(Fault::Passing("no answer while connecting".to_owned())),
        }
    }

    async fn begin(&mut self, place: &Place, channels: &Channels) -> Result<(), Fault> {
        let mut said = Vec::new();
        let mut commands = Vec::new();
        if let Some(password) = &place.password {
            let mut auth = redis::cmd("AUTH");
            place.user.iter().for_each(|user| {
                auth.arg(user);
            });
            auth.arg(&password.0);
            commands.push(auth);
        }
        if place.database != 0 {
            let mut select = redis::cmd("SELECT");
            select.arg(place.database);
            commands.push(select);
        }
        let mut listen = redis::cmd(if channels.are_patterns { "PSUBSCRIBE" } else { "SUBSCRIBE" });
        listen.arg(&channels.names);
        let answers = commands.len() + channels.names.len();
        commands.push(listen);
        commands.iter().for_each(|cmd: &Cmd| cmd.write_packed_command(&mut said));
        self.say(&said).await?;
        for _ in 0..answers {
            if let Value::ServerError(error) = self.value().await? {
                return Err(Fault::of_answer(&error));
            }
        }
        Ok(())
    }

    async fn value(&mut self) -> Result<Value, Fault> {
        let read = parse_redis_value_async(&mut self.decoder, &mut self.wire).await;
        read.map_err(|error| Fault::of_error(&error))
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> Result<Message, Fault> {
        let mut is_asked = false;
        loop {
            // What was read of a value stays in the decoder.
            let Ok(value) = tokio::time::timeout(CALM, self.value()).await else {
                if is_asked {
                    return Err(Fault::Passing("no answer to PING".to_owned()));
                }
                is_asked = true;
                self.say(&redis::cmd("PING").get_packed_command()).await?;
                continue;
            };
            is_asked = false;
            if let Value::Array(parts) = value?
                && let Some(message) = message(parts)
            {
                return Ok(message);
            }
        }
    }

    async fn say(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let said = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        said.await.map_err(|error: std::io::Error| Fault::Passing(error.to_string()))
    }
}

fn message(parts: Vec<Value>) -> Option<Message> {
    let mut parts = parts.into_iter().map(|part| match part {
        Value::BulkString(bytes) => Some(text(bytes)),
        _ => None,
    });
    let pattern = match parts.next()??.as_str() {
        "message" => None,
        "pmessage" => Some(parts.next()??),
        _ => return None,
    };
    Some(Message { pattern, channel: parts.next()??, text: parts.next()?? })
}

fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}
