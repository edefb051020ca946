//! Helpers of the unit tests, and tests of the list of plugins.

use std::collections::HashSet;
use std::sync::Arc;

use gantry_model::plugin::{Fate, Transformation};
use gantry_model::{ConnectRecord, Datum, MapValue, Result, Schema, SchemaBuilder, Struct, Value};

/// The transformation of that class, with or without its package.
pub(crate) fn make(class: &str, config: &[(&str, &str)]) -> Result<Box<dyn Transformation>> {
    let plugins = crate::transformations();
    let is_it = |full: &str| full == class || full.ends_with(&format!(".{class}"));
    let plugin = plugins.iter().find(|p| is_it(&p.info.class)).expect("known class");
    let props = config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    plugin.create(&props)
}

/// A transformation as a step of a chain.
pub(crate) trait Change {
    /// What it makes of a record; `None`: dropped it.
    fn change(&mut self, record: ConnectRecord) -> Result<Option<ConnectRecord>>;
}

impl Change for Box<dyn Transformation> {
    fn change(&mut self, mut record: ConnectRecord) -> Result<Option<ConnectRecord>> {
        let fate = self.apply(&mut record)?;
        Ok((fate == Fate::Keep).then_some(record))
    }
}

/// The message of an error that must be.
pub(crate) fn error_text<T>(result: Result<T>) -> String {
    result.err().expect("an error").message().to_owned()
}

/// A schemaless map.
pub(crate) fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries.iter().map(|(key, value)| (Value::str(key), value.clone()));
    Value::map(MapValue::from_distinct(entries.collect()))
}

/// A record in topic `topic` with a schemaless value.
pub(crate) fn record(value: Value) -> ConnectRecord {
    ConnectRecord::new("topic".into(), Datum::schemaless(value))
}

/// `STRUCT{id: INT32, d: optional INT32, default 9}`
pub(crate) fn schema_of_struct(optional: bool) -> Schema {
    let with_default = SchemaBuilder::new(gantry_model::Kind::Int32)
        .optional()
        .default_value(Some(Value::Int32(9)))
        .build_plain();
    SchemaBuilder::structure(vec![("id".into(), Schema::int32()), ("d".into(), with_default)])
        .expect("distinct names")
        .set_optional(optional)
        .build_plain()
}

/// A record with a struct of [`schema_of_struct`]: `{id: 1, d: null}`.
pub(crate) fn struct_record() -> ConnectRecord {
    let schema = schema_of_struct(false);
    let inner = Struct::from_values(schema.clone(), vec![Value::Int32(1), Value::Null]);
    let mut record = record(Value::Struct(Arc::new(inner)));
    record.value.schema = Some(schema);
    record
}

#[test]
fn every_plugin_has_its_own_class_alias_and_documented_keys() {
    let mut seen = HashSet::new();
    let mut infos: Vec<_> = crate::transformations().into_iter().map(|p| p.info).collect();
    infos.extend(crate::predicates().into_iter().map(|p| p.info));
    for info in infos {
        let packages = [
            "org.apache.kafka.connect.transforms.",
            "org.apache.rocketmq.connect.transforms.",
            "org.gantry.connect.transforms.",
            "io.debezium.transforms.",
        ];
        assert!(packages.iter().any(|package| info.class.starts_with(package)), "{info:?}");
        let simple = info.class.rsplit('.').next().expect("a name");
        assert_eq!(info.answers_to(simple), !simple.contains('$'), "{info:?}");
        assert!(seen.insert(info.class.clone()), "{info:?} twice");
        assert!(info.config_def().fault().is_none(), "{info:?}: {:?}", info.config_def().fault());
        for key in info.config_def().keys() {
            assert!(key.doc.len() > 10, "{info:?} {}", key.name);
        }
    }
    let all = crate::transformations();
    let short = all.iter().find(|p| p.info.answers_to("RegexRouter")).expect("one answers");
    assert!(short.info.class.starts_with("org.apache.kafka."), "{:?}", short.info);
}
