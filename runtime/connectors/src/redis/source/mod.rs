//! The sources.

mod channels;
mod config;
mod connector;
mod entries;
mod keys;
mod listener;
mod stream;
mod stream_reader;
mod values;

pub(super) use self::keys::KeysTask;
pub(super) use self::stream::StreamTask;
pub(super) use channels::ChannelTask;
pub(super) use config::{Kind, channels, keys, stream};
pub(super) use connector::RedisSource;
