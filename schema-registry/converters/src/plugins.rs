//! The list of this crate's plugins.

use gantry_model::plugin::{Converter, Plugin, PluginInfo};

use crate::avro::AvroFormat;
use crate::converter::SchemaConverter;
use crate::format::DataFormat;
use crate::json::JsonSchemaFormat;
use crate::protobuf::ProtobufFormat;

/// What Kafka cuts off a converter's simple name to get its short alias.
const SUFFIX: &str = "Converter";

const AVRO: &str = "io.confluent.connect.avro.AvroConverter";
const PROTOBUF: &str = "io.confluent.connect.protobuf.ProtobufConverter";
const JSON: &str = "io.confluent.connect.json.JsonSchemaConverter";
/// All of their class names.
pub(crate) const CLASSES: [&str; 3] = [AVRO, PROTOBUF, JSON];

/// All converters of keys and values, under Confluent's class names.
pub fn converters() -> Vec<Plugin<dyn Converter>> {
    vec![
        converter::<AvroFormat>(AVRO),
        converter::<ProtobufFormat>(PROTOBUF),
        converter::<JsonSchemaFormat>(JSON),
    ]
}

fn converter<F: DataFormat>(class: &str) -> Plugin<dyn Converter> {
    let info = PluginInfo::new(class, SUFFIX, || F::define(crate::keys::define())).blocking();
    Plugin::new(info, |props| Ok(Box::new(SchemaConverter::<F>::new(props)?) as Box<dyn Converter>))
}
