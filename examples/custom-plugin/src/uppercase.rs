//! A transformation that writes texts in capitals.

use gantry_api::{
    ConfigDef, ConnectRecord, Fate, Plugin, PluginInfo, Props, Result, Transformation, Value,
};

/// How Gantry finds and makes it.
pub(crate) fn plugin() -> Plugin<dyn Transformation> {
    let info = PluginInfo::new("org.example.Uppercase", "", ConfigDef::new);
    let create = |_: &Props| -> Result<Box<dyn Transformation>> { Ok(Box::new(Uppercase)) };
    Plugin::new(info, create)
}

#[derive(Debug)]
struct Uppercase;

impl Transformation for Uppercase {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        if let Value::String(text) = &record.value.value {
            record.value.value = Value::String(text.to_uppercase().into());
        }
        Ok(Fate::Keep)
    }
}
