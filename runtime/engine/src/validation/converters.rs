//! The converters that a connector names itself: their settings are judged by their own keys.

use gantry_api::model::config::infos::{ConfigInfo, ConfigInfos};
use gantry_api::model::config::{ConfigValue, NullableProps};
use gantry_api::model::plugin::{CONVERTER_TYPE, ConverterType};
use gantry_api::model::text::sort_as_hash_map;
use gantry_api::{ConfigDef, PluginInfo, PluginRegistry};

use super::kinds::PluginKind;
use super::versions::VersionRanges;
use super::{Findings, add_error, given, not_that_version, show_as_given};
use crate::connector_config::{HEADER_CONVERTER, KEY_CONVERTER, VALUE_CONVERTER, version_key_of};

/// Validates the settings of the connector's own converters, in Kafka Connect's order. What is
/// wrong with a converter itself is added to the findings.
pub(super) fn check_converters(
    plugins: &PluginRegistry,
    resolved: &NullableProps,
    as_given: &NullableProps,
    findings: &mut Findings,
) -> Vec<ConfigInfos> {
    let all = [
        (HEADER_CONVERTER, ConverterType::Header),
        (KEY_CONVERTER, ConverterType::Key),
        (VALUE_CONVERTER, ConverterType::Value),
    ];
    let mut infos = Vec::with_capacity(all.len());
    for (key, type_) in all {
        let Some(info) = plugin_of(plugins, key, resolved, findings) else { continue };
        let prefix = format!("{key}.");
        let mut props = with_prefix(resolved, &prefix);
        if given(&props, CONVERTER_TYPE).is_none() {
            props.insert(CONVERTER_TYPE.to_owned(), Some(type_.as_str().to_owned()));
        }
        let own = info.config_def();
        let mut values = own.validate_nullable(&props);
        sort_as_hash_map(&mut values, |value| &value.name);
        infos.push(prefixed_infos(&own, values, &prefix, as_given));
    }
    infos
}

/// The converter of a key if its class and version are right.
fn plugin_of(
    plugins: &PluginRegistry,
    key: &str,
    resolved: &NullableProps,
    findings: &mut Findings,
) -> Option<PluginInfo> {
    let class = given(resolved, key)?;
    let version_key = version_key_of(key);
    let is_right = |name: &str| findings.get(name).is_none_or(|finding| finding.errors.is_empty());
    if !is_right(key) || !is_right(&version_key) {
        return None;
    }
    let ranges = VersionRanges::requirement(given(resolved, &version_key)).ok()?;
    // By the class as given: one with blanks around it is a class, and yet none can be made.
    let Some(info) = PluginKind::of_converter(key).find(plugins, class) else {
        add_error(findings, key, format!("Failed to load class {class}: {class}"));
        return None;
    };
    if let Some(ranges) = ranges.filter(|ranges| !ranges.contain(&info.version)) {
        let text = not_that_version(plugins, &info, &ranges);
        add_error(findings, key, text.clone());
        add_error(findings, &version_key, text);
        return None;
    }
    Some(info)
}

/// What stands behind a prefix, without it.
fn with_prefix(props: &NullableProps, prefix: &str) -> NullableProps {
    let behind = |(key, value): (&String, &Option<String>)| {
        key.strip_prefix(prefix)
            .filter(|key| !key.is_empty())
            .map(|key| (key.to_owned(), value.clone()))
    };
    props.iter().filter_map(behind).collect()
}

/// Findings about the keys of a definition behind a prefix. As in Kafka a key with several errors
/// counts once, all keys show, and groups come in the order of the findings.
pub(super) fn prefixed_infos(
    own: &ConfigDef,
    values: Vec<ConfigValue>,
    prefix: &str,
    as_given: &NullableProps,
) -> ConfigInfos {
    let mut infos = ConfigInfos {
        name: String::new(),
        error_count: 0,
        groups: Vec::new(),
        configs: Vec::with_capacity(values.len()),
    };
    for mut value in values {
        let mut key = own.key(&value.name).cloned();
        value.name = format!("{prefix}{}", value.name);
        value.visible = true;
        show_as_given(&mut value, as_given);
        infos.error_count += usize::from(!value.errors.is_empty());
        if let Some(key) = &mut key {
            key.name.clone_from(&value.name);
            if let Some(group) = key.group.as_ref().filter(|group| !infos.groups.contains(group)) {
                infos.groups.push(group.clone());
            }
        }
        let definition = key.as_ref().map(Into::into);
        infos.configs.push(ConfigInfo { definition, value: Some(value.into()) });
    }
    infos
}
