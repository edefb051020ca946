//! What a sink task of Java's asks of the log: by the Kafka clients that its plugin brings.

use std::collections::BTreeMap;
use std::time::Duration;

use gantry_api::{
    Destination, Result, SinkLog, Str, TopicPartition, TopicRead, TopicRecord, now_ms,
};

use crate::wire::{Reader, Upcall, Writer};

/// A partition or a time that is left to the log.
const NONE: i64 = -1;

/// Answers one upcall, on a thread of Java's, which waits.
pub(crate) async fn answer(
    log: &dyn SinkLog,
    upcall: Upcall,
    from: &mut Reader,
) -> Result<Option<Vec<u8>>> {
    let mut out = Writer::new();
    match upcall {
        Upcall::LogWrite => {
            let records = destined(from)?;
            log.write(records, from.offsets()?).await?;
            return Ok(None);
        }
        Upcall::LogRead => {
            let positions: Vec<_> = from.offsets()?.into_iter().collect();
            let wait = Duration::from_millis(u64::try_from(from.i64()?).unwrap_or_default());
            write_read(&log.read(&positions, wait).await?, &mut out);
        }
        Upcall::LogQueues => {
            let queues = log.queues(&from.str()?).await?;
            out.i32(i32::try_from(queues).unwrap_or(i32::MAX));
        }
        Upcall::LogRange => {
            let range = log.range(&from.queue()?).await?;
            out.i64(signed(range.earliest)).i64(signed(range.next));
        }
        Upcall::LogMembers => {
            let members = log.members().await?;
            out.str(log.group()).varint(members.len());
            for share in &members {
                out.queues(share.iter());
            }
        }
        Upcall::LogCommitted => {
            let group = from.optional_str()?;
            let of = from.queues()?;
            let group = group.as_deref().unwrap_or_else(|| log.group());
            out.offsets(&log.committed(group, &of).await?);
        }
        _ => {
            let group = from.str()?;
            let offsets: BTreeMap<TopicPartition, u64> = from.offsets()?;
            log.commit(&group, &offsets).await?;
            return Ok(None);
        }
    }
    Ok(Some(out.into_bytes()))
}

fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

fn destined(from: &mut Reader) -> Result<Vec<(Destination, TopicRecord)>> {
    let count = from.count()?;
    let mut records = Vec::with_capacity(count);
    for _ in 0..count {
        let (topic, queue) = (from.str()?, from.i32()?);
        let destination =
            Destination { topic: topic.as_str().into(), queue: u32::try_from(queue).ok() };
        let timestamp_ms = from.i64()?;
        let (key, value) = (from.nullable_bytes()?, from.nullable_bytes()?);
        let mut headers = Vec::new();
        for _ in 0..from.count()? {
            headers.push((Str::from(from.str()?.as_str()), from.nullable_bytes()?));
        }
        let timestamp_ms = if timestamp_ms == NONE { now_ms() } else { timestamp_ms };
        records.push((destination, TopicRecord { key, value, headers, timestamp_ms }));
    }
    Ok(records)
}

fn write_read(read: &[TopicRead], out: &mut Writer) {
    out.varint(read.len());
    for batch in read {
        out.queue(&batch.from).i64(signed(batch.next)).varint(batch.records.len());
        for (offset, record) in &batch.records {
            out.i64(signed(*offset)).i64(record.timestamp_ms);
            out.nullable_bytes(record.key.as_deref()).nullable_bytes(record.value.as_deref());
            out.varint(record.headers.len());
            for (name, value) in &record.headers {
                out.str(name).nullable_bytes(value.as_deref());
            }
        }
    }
}
