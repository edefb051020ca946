//! A connector's configuration in RocketMQ Connect's keys, translated into Kafka Connect's. Pure.

mod classes;
mod kafka;
mod keys;
mod topics;

#[cfg(test)]
mod tests;

use gantry_api::{PluginRegistry, Props};

use super::translation::Translation;

pub(super) use classes::{converter, kafka_class};
pub(crate) use kafka::KAFKA_CONNECTOR_CONFIGS;
#[cfg(test)]
pub(super) use keys::connector_key_names;

const CONNECTOR_CLASS: &str = "connector.class";
const TRANSFORMS: &str = "transforms";

/// Translates a configuration. One that is in Kafka Connect's keys already comes back as it was.
/// The error is a sentence that names the keys, their values and the remedy.
pub(crate) fn translate(config: &Props, plugins: &PluginRegistry) -> Result<Translation, String> {
    let mut translation = Translation::of(config);
    let kind = kafka::unwrap_adapter(&mut translation)?;
    classes::translate(&mut translation)?;
    keys::rename(&mut translation)?;
    let kind = topics::kind(&translation, plugins, kind);
    topics::translate(&mut translation, plugins, kind)?;
    keys::translate_start(&mut translation, kind)?;
    name_stages(&mut translation)?;
    kafka::take_transforms(&mut translation)?;
    keys::leave_out(&mut translation)?;
    Ok(translation)
}

/// Translates the configuration of a connector file, if it has a key or class that only RocketMQ
/// Connect has; `None` if it has not.
pub(crate) fn translate_file(
    config: &Props,
    plugins: &PluginRegistry,
) -> Result<Option<Translation>, String> {
    let translation = translate(config, plugins)?;
    Ok((!translation.mapped.is_empty()).then_some(translation))
}

/// The names in a comma-separated list.
fn names(list: Option<&str>) -> Vec<String> {
    let names = list.unwrap_or_default().split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// `transforms.x.class` is `transforms.x.type` for each x that `transforms` names.
fn name_stages(translation: &mut Translation) -> Result<(), String> {
    for stage in names(translation.get(TRANSFORMS)) {
        let theirs = format!("{TRANSFORMS}.{stage}.class");
        let ours = format!("{TRANSFORMS}.{stage}.type");
        translation.rename(&theirs, &ours, |class| Ok(class.to_owned()))?;
    }
    Ok(())
}
