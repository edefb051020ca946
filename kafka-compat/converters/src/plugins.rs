//! The list of this crate's plugins.

use bytes::Bytes;
use gantry_model::config::{ConfigDef, ConfigKey, Importance, Type, Validator};
use gantry_model::plugin::{CONVERTER_TYPE, Converter, HeaderConverter, Plugin, PluginInfo, Props};
use gantry_model::{Datum, Result};

use crate::boolean::BooleanConverter;
use crate::byte_array::ByteArrayConverter;
use crate::json::JsonConverter;
use crate::number::{NumberConverter, NumberKind};
use crate::simple_header::SimpleHeaderConverter;
use crate::string::StringConverter;

const JSON: &str = "org.apache.kafka.connect.json.JsonConverter";
const STRING: &str = "org.apache.kafka.connect.storage.StringConverter";
const SIMPLE_HEADER: &str = "org.apache.kafka.connect.storage.SimpleHeaderConverter";
const BYTE_ARRAY: &str = "org.apache.kafka.connect.converters.ByteArrayConverter";
const BOOLEAN: &str = "org.apache.kafka.connect.converters.BooleanConverter";

/// What Kafka cuts off a converter's simple name to get its short alias.
const SUFFIX: &str = "Converter";

/// All converters of keys and values, under Kafka Connect's class names and aliases.
pub fn converters() -> Vec<Plugin<dyn Converter>> {
    let mut list = vec![
        converter(JSON, crate::json::config_def, JsonConverter::new),
        converter(STRING, crate::string::config_def, StringConverter::new),
        converter(BYTE_ARRAY, base_config_def, |_| Ok(ByteArrayConverter)),
        converter(BOOLEAN, base_config_def, |props| checked(props, BooleanConverter)),
    ];
    list.extend(NumberKind::ALL.map(|kind| {
        let made = move |props: &Props| checked(props, NumberConverter::new(kind));
        converter(kind.class(), base_config_def, made)
    }));
    list
}

/// All header converters: every converter above is one too, and `SimpleHeaderConverter`.
pub fn header_converters() -> Vec<Plugin<dyn HeaderConverter>> {
    let mut list = vec![
        header(JSON, crate::json::config_def, JsonConverter::new),
        header(STRING, crate::string::config_def, StringConverter::new),
        header(BYTE_ARRAY, base_config_def, |_| Ok(ByteArrayConverter)),
        header(BOOLEAN, base_config_def, |props| checked(props, BooleanConverter)),
        Plugin::new(
            PluginInfo::new(SIMPLE_HEADER, "HeaderConverter", ConfigDef::new),
            |_: &Props| Ok(Box::new(SimpleHeaderConverter) as Box<dyn HeaderConverter>),
        ),
    ];
    list.extend(NumberKind::ALL.map(|kind| {
        let made = move |props: &Props| checked(props, NumberConverter::new(kind));
        header(kind.class(), base_config_def, made)
    }));
    list
}

/// A converter whose only key is the one that all have.
fn checked<C>(props: &Props, made: C) -> Result<C> {
    parse(&base_config_def(), props)?;
    Ok(made)
}

fn converter<C: Converter + 'static>(
    class: &str,
    config: fn() -> ConfigDef,
    create: impl Fn(&Props) -> Result<C> + Send + Sync + 'static,
) -> Plugin<dyn Converter> {
    Plugin::new(PluginInfo::new(class, SUFFIX, config), move |props| {
        Ok(Box::new(create(props)?) as Box<dyn Converter>)
    })
}

fn header<C: Converter + 'static>(
    class: &str,
    config: fn() -> ConfigDef,
    create: impl Fn(&Props) -> Result<C> + Send + Sync + 'static,
) -> Plugin<dyn HeaderConverter> {
    Plugin::new(PluginInfo::new(class, SUFFIX, config), move |props| {
        Ok(Box::new(ForHeaders(create(props)?)) as Box<dyn HeaderConverter>)
    })
}

/// A converter used for headers: in Kafka Connect these classes treat both alike.
struct ForHeaders<C>(C);

impl<C: Converter> HeaderConverter for ForHeaders<C> {
    fn from_connect_header(
        &mut self,
        topic: &str,
        _key: &str,
        datum: &Datum,
    ) -> Result<Option<Bytes>> {
        self.0.from_connect(topic, &mut Vec::new(), datum)
    }
    fn to_connect_header(
        &mut self,
        topic: &str,
        _key: &str,
        bytes: Option<Bytes>,
    ) -> Result<Datum> {
        self.0.to_connect(topic, &[], bytes)
    }
}

/// The key that every converter has.
pub(crate) fn base_config_def() -> ConfigDef {
    ConfigDef::new().define(
        ConfigKey::required(
            CONVERTER_TYPE,
            Type::String,
            Importance::Low,
            "What the converter is used for: key, value or header.",
        )
        .validator(Validator::one_of(&["key", "value", "header"])),
    )
}

/// Parses properties; the worker need not say what the converter is used for.
pub(crate) fn parse(def: &ConfigDef, props: &Props) -> Result<gantry_model::config::ParsedConfig> {
    if props.contains_key(CONVERTER_TYPE) {
        return def.parse(props);
    }
    let mut props = props.clone();
    props.insert(CONVERTER_TYPE.to_owned(), "value".to_owned());
    def.parse(&props)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_aliases_are_kafkas() {
        let all = converters();
        assert_eq!(all.len(), 9);
        for (name, class) in [
            ("JsonConverter", JSON),
            ("Json", JSON),
            ("String", STRING),
            ("ByteArray", BYTE_ARRAY),
            ("Boolean", BOOLEAN),
            ("Short", "org.apache.kafka.connect.converters.ShortConverter"),
            ("IntegerConverter", "org.apache.kafka.connect.converters.IntegerConverter"),
            ("Long", "org.apache.kafka.connect.converters.LongConverter"),
            ("Float", "org.apache.kafka.connect.converters.FloatConverter"),
            ("Double", "org.apache.kafka.connect.converters.DoubleConverter"),
        ] {
            let found: Vec<_> = all.iter().filter(|p| p.info.answers_to(name)).collect();
            assert_eq!(found.len(), 1, "{name}");
            assert_eq!(&*found[0].info.class, class);
        }
        let headers = header_converters();
        assert_eq!(headers.len(), 10);
        assert!(headers.iter().any(|p| p.info.answers_to("Simple")));
        for plugin in &headers {
            assert!(plugin.create(&Props::new()).is_ok(), "{:?}", plugin.info);
            assert!(plugin.info.config_def().fault().is_none(), "{:?}", plugin.info);
            // Two of Kafka's do not look at their configuration.
            let lenient = [BYTE_ARRAY, SIMPLE_HEADER].contains(&&*plugin.info.class);
            let props = Props::from([(CONVERTER_TYPE.to_owned(), "both".to_owned())]);
            assert_eq!(plugin.create(&props).is_ok(), lenient, "{:?}", plugin.info);
        }
    }

    #[test]
    fn the_type_is_checked_where_it_is_given() {
        let props = Props::from([(CONVERTER_TYPE.to_owned(), "both".to_owned())]);
        assert!(parse(&base_config_def(), &props).is_err());
        assert!(parse(&base_config_def(), &Props::new()).is_ok());
    }
}
