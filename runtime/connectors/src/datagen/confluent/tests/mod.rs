//! Tests of the whole connector.

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_api::{
    CancellationToken, Error, OffsetMap, OffsetReader, Props, SourcePartition, SourceRecord,
    SourceTask, SourceTaskContext, Struct, Value,
};

use super::task::DatagenTask;

mod arguments;
mod config;
mod quickstarts;
mod running;
mod schemas;

struct Offsets(BTreeMap<String, OffsetMap>);
impl OffsetReader for Offsets {
    fn offset(&self, partition: &SourcePartition) -> Option<OffsetMap> {
        self.0.get(&**partition.canonical()).cloned()
    }
}

/// A configuration without waits.
fn props(pairs: &[(&str, &str)]) -> Props {
    let base = [("kafka.topic", "t"), ("max.interval", "0"), ("random.seed", "7")];
    base.iter().chain(pairs).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

fn context(offset: Option<OffsetMap>) -> SourceTaskContext {
    let offsets = offset.map(|offset| (r#"{"task.id":0}"#.to_owned(), offset));
    SourceTaskContext {
        connector: "c".into(),
        task: 0,
        cancel: CancellationToken::new(),
        offsets: Arc::new(Offsets(offsets.into_iter().collect())),
        defines_transactions: false,
        isolation: gantry_api::Isolation::Shared,
    }
}

async fn task(pairs: &[(&str, &str)], offset: Option<OffsetMap>) -> Result<DatagenTask, Error> {
    let mut task = DatagenTask::default();
    task.start(context(offset), &props(pairs)).await?;
    Ok(task)
}

/// The first records, up to the error if there is one before.
async fn records(pairs: &[(&str, &str)], count: usize) -> Result<Vec<SourceRecord>, Error> {
    let mut task = task(pairs, None).await?;
    take(&mut task, count).await
}

async fn take(task: &mut DatagenTask, count: usize) -> Result<Vec<SourceRecord>, Error> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(task.poll().await?);
    }
    all.truncate(count);
    Ok(all)
}

fn fields(record: &SourceRecord) -> &Struct {
    let Value::Struct(fields) = &record.record.value.value else { panic!("no struct") };
    fields
}

/// A record of one field `f` of that type.
fn schema(of_field: &str) -> String {
    format!(
        r#"{{"type":"record","name":"R","namespace":"n","fields":[{{"name":"f","type":{of_field}}}]}}"#
    )
}

/// The values of a field of that type; the message of an error.
async fn values(of_field: &str, count: usize) -> Result<Vec<Value>, String> {
    let schema = schema(of_field);
    let all = records(&[("schema.string", &schema)], count).await;
    let all = all.map_err(|error| error.message().to_owned())?;
    Ok(all
        .iter()
        .map(|record| {
            fields(record).validate().unwrap();
            fields(record).raw("f").unwrap().clone()
        })
        .collect())
}

/// The same as texts.
async fn texts(of_field: &str, count: usize) -> Vec<String> {
    let values = values(of_field, count).await.unwrap();
    values.iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}
