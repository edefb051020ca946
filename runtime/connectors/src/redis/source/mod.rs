//! The sources.

mod channels;
mod config;
mod connector;
mod keys;
mod listener;
mod values;
mod entries;
mod stream;
mod stream_reader;

pub(super) use channels::ChannelTask;
pub(super) use config::{Kind, channels, keys, stream};
pub(super) use connector::RedisSource;
pub(super) use self::keys::KeysTask;
pub(super) use self::stream::StreamTask;
