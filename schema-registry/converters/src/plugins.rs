//! The list of this crate's plugins.

use gantry_model::plugin::{Converter, Plugin, PluginInfo};

use crate::avro::AvroFormat;
use crate::converter::SchemaConverter;
use crate::format::DataFormat;
use crate::json::JsonSchemaFormat;
use crate::protobuf::ProtobufFormat;

/// What Kafka cuts off a converter's simple name to get its short alias.
const SUFFIX: &str = "Converter";

/// All converters of keys and values, under Confluent's class names.
pub fn converters() -> Vec<Plugin<dyn Converter>> {
    vec![
        converter::<AvroFormat>("io.confluent.connect.avro.AvroConverter"),
        converter::<ProtobufFormat>("io.confluent.connect.protobuf.ProtobufConverter"),
        converter::<JsonSchemaFormat>("io.confluent.connect.json.JsonSchemaConverter"),
    ]
}

fn converter<F: DataFormat>(class: &str) -> Plugin<dyn Converter> {
    let info = PluginInfo::new(class, SUFFIX, || F::define(crate::keys::define())).blocking();
    Plugin::new(info, |props| Ok(Box::new(SchemaConverter::<F>::new(props)?) as Box<dyn Converter>))
}
