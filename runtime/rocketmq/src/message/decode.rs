//! Messages as brokers give them, to records.

use std::io::{self, Read as _};

use bytes::{Buf, Bytes};
use flate2::read::ZlibDecoder;
use gantry_log::LogRecord;
use lz4_flex::frame::FrameDecoder;

use super::properties::{EMPTY, NULL, Read, Rest, VALUE_BYTES};

const MAGIC: i32 = -626_843_481;
/// With a topic name of up to 64 KiB.
const MAGIC_LONG_TOPIC: i32 = -626_843_477;

/// A body has no more bytes than this, however small it was when compressed.
const BODY_BYTES_MAX: u64 = 64 << 20;

/// Bits of the system flag.
const COMPRESSED: i32 = 1;
const BORN_HOST_V6: i32 = 1 << 4;
const STORE_HOST_V6: i32 = 1 << 5;
/// Bits that say how it is compressed, 0 being zlib as ever.
const COMPRESSION: i32 = 7 << 8;
const LZ4: i32 = 1 << 8;
const ZSTD: i32 = 2 << 8;

/// Reads messages that stand behind each other: offset and record of each. Keys, values and
/// headers are slices of `bytes`.
pub(crate) fn messages(bytes: &Bytes) -> Result<Vec<(u64, LogRecord)>, String> {
    let mut records = Vec::new();
    let mut rest: &[u8] = bytes;
    while let Some(mut length) = rest.get(..4) {
        let size = usize::try_from(length.get_i32()).unwrap_or(0);
        let one = rest
            .get(..size)
            .filter(|one| one.len() >= 4)
            .ok_or_else(|| format!("a message of {size} bytes where there are {}", rest.len()))?;
        rest = rest.get(size..).unwrap_or_default();
        let record = message(bytes, one).map_err(|reason| {
            format!("{reason}, in the message behind {} that could be read", records.len())
        })?;
        records.push(record);
    }
    Ok(records)
}

/// Reads one message, a part of `all`.
fn message(all: &Bytes, mut bytes: &[u8]) -> Result<(u64, LogRecord), String> {
    let head = "it ends in its head";
    let mut need = |wanted: usize| -> Result<&[u8], String> {
        let (taken, rest) = bytes.split_at_checked(wanted).ok_or_else(|| head.to_owned())?;
        bytes = rest;
        Ok(taken)
    };
    let mut fixed = need(4 + 4 + 4 + 4 + 4 + 8 + 8 + 4 + 8)?;
    fixed.advance(4);
    let magic = fixed.get_i32();
    if magic != MAGIC && magic != MAGIC_LONG_TOPIC {
        return Err(format!("its magic is {magic}"));
    }
    fixed.advance(4 + 4 + 4);
    let offset = fixed.get_i64();
    fixed.advance(8);
    let flag = fixed.get_i32();
    let born_ms = fixed.get_i64();
    let host = |v6: i32| if flag & v6 == 0 { 4 + 4 } else { 16 + 4 };
    need(host(BORN_HOST_V6))?;
    let store_ms = need(8)?.get_i64();
    need(host(STORE_HOST_V6) + 4 + 8)?;
    let body = need(4)?.get_i32();
    let body = need(usize::try_from(body).map_err(|_| head)?)?;
    let topic = match magic {
        MAGIC => usize::from(need(1)?.get_u8()),
        _ => usize::from(need(2)?.get_u16()),
    };
    need(topic)?;
    let properties = need(2)?.get_u16();
    let properties = need(usize::from(properties))?;
    let body = if flag & COMPRESSED == 0 { all.slice_ref(body) } else { decompress(body, flag)? };
    let offset = u64::try_from(offset).map_err(|_| format!("its offset is {offset}"))?;
    Ok((offset, record(all, body, properties, born_ms, store_ms)?))
}

/// Other clients compress what is long, by zlib unless told otherwise.
fn decompress(body: &[u8], flag: i32) -> Result<Bytes, String> {
    let mut bytes = Vec::new();
    let read = match flag & COMPRESSION {
        LZ4 => bounded(FrameDecoder::new(body)).read_to_end(&mut bytes),
        ZSTD => zstd::Decoder::new(body).and_then(|zstd| bounded(zstd).read_to_end(&mut bytes)),
        _ => bounded(ZlibDecoder::new(body)).read_to_end(&mut bytes),
    };
    match read {
        Ok(length) if length as u64 > BODY_BYTES_MAX => {
            Err(format!("its body has more than {BODY_BYTES_MAX} bytes when decompressed"))
        }
        Ok(_) => Ok(Bytes::from(bytes)),
        Err(error) => Err(format!("its body cannot be decompressed: {error}")),
    }
}

fn bounded(read: impl io::Read) -> impl io::Read {
    read.take(BODY_BYTES_MAX + 1)
}

fn record(
    all: &Bytes,
    mut body: Bytes,
    properties: &[u8],
    born_ms: i64,
    store_ms: i64,
) -> Result<LogRecord, String> {
    let mut read = Read::new(properties);
    let timestamp_ms = if read.at_store { store_ms } else { read.timestamp.unwrap_or(born_ms) };
    let (key, headers) = match read.value_bytes {
        None => (read.key(all), read.headers(all)),
        Some(length) => {
            let rest = if length <= body.len() { body.split_off(length) } else { Bytes::new() };
            let rest: Rest = serde_json::from_slice(&rest)
                .map_err(|error| format!("what {VALUE_BYTES} announces cannot be read: {error}"))?;
            rest.into_parts()
        }
    };
    let value = match read.value {
        Some(NULL) => None,
        Some(EMPTY) => Some(Bytes::new()),
        _ => Some(body),
    };
    Ok(LogRecord { key, value, headers, timestamp_ms })
}
