//! Secrets of a connector's configuration: which keys hold them, and the mask that stands in their
//! place where `gantry.rest.mask.secrets` asks for it.

use std::collections::BTreeSet;

use gantry_api::model::config::HIDDEN;
use gantry_api::{ConfigDef, ConnectorPlugin, PluginRegistry, Props, Type};

use crate::connector_config::CONVERTERS;
use crate::error::HerderError;
use crate::validation::{ClientOverrides, PluginKind};

/// The keys of a configuration whose values are secret: those of type PASSWORD of the connector
/// (`common` are its common keys and those of its stages), its converters and its clients.
pub(crate) fn secret_keys(
    plugins: &PluginRegistry,
    clients: &ClientOverrides,
    plugin: &ConnectorPlugin,
    common: &ConfigDef,
    config: &Props,
) -> BTreeSet<String> {
    let mut secrets = BTreeSet::new();
    let mut add = |prefix: &str, definition: &ConfigDef| {
        let passwords = definition.keys().filter(|key| key.type_ == Type::Password);
        let names = passwords.map(|key| format!("{prefix}{}", key.name));
        secrets.extend(names.filter(|name| config.contains_key(name)));
    };
    add("", common);
    add("", &plugin.info.config_def());
    for key in CONVERTERS {
        let class = config.get(key).map(|class| class.trim());
        let plugin = class.and_then(|class| PluginKind::of_converter(key).find(plugins, class));
        if let Some(info) = plugin {
            add(&format!("{key}."), &info.config_def());
        }
    }
    let of_client = |key: &&String| {
        let setting = clients.setting(key).and_then(|(def, setting)| def.key(setting));
        setting.is_some_and(|setting| setting.type_ == Type::Password)
    };
    secrets.extend(config.keys().filter(of_client).cloned());
    secrets
}

/// Whether a value only says where the secret is.
fn is_reference(value: &str) -> bool {
    value.starts_with("${") && value.ends_with('}')
}

/// A configuration with the mask in place of its secrets. A reference to a config provider stays:
/// it tells nothing.
pub(crate) fn mask(config: &Props, secrets: &BTreeSet<String>) -> Props {
    let mut masked = config.clone();
    for key in secrets {
        if let Some(value) = masked.get_mut(key)
            && !is_reference(value)
        {
            HIDDEN.clone_into(value);
        }
    }
    masked
}

/// A configuration that came with masks, as it is meant: each mask stands for the value that is
/// stored. Gives the keys of masks too; refused where nothing is stored.
pub(crate) fn unmask(
    mut config: Props,
    stored: Option<&Props>,
) -> Result<(Props, BTreeSet<String>), HerderError> {
    let mut masks = BTreeSet::new();
    for (key, value) in &mut config {
        if value != HIDDEN {
            continue;
        }
        match stored.and_then(|stored| stored.get(key)) {
            Some(secret) => {
                masks.insert(key.clone());
                secret.clone_into(value);
            }
            None => {
                return Err(HerderError::bad_request(format!(
                    "Invalid value {HIDDEN} for configuration {key}: it is the mask that stands \
                     for a stored secret, and there is none; give the secret itself, or a \
                     reference to a config provider"
                )));
            }
        }
    }
    Ok((config, masks))
}

/// Refuses a mask for what would be shown from now on: who changes a connector's class must know
/// its secrets.
pub(crate) fn no_longer_secret(key: &str, class: &str) -> HerderError {
    HerderError::bad_request(format!(
        "Invalid value {HIDDEN} for configuration {key}: it is the mask that stands for a stored \
         secret, and {class} has no secret of that name, so that it would be shown; give the value \
         itself"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn props(pairs: &[(&str, &str)]) -> Props {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_mask_stands_for_what_is_stored() {
        let secrets = ["password", "other", "absent"].map(str::to_owned).into();
        let stored = props(&[("password", "s3cret"), ("other", "${file:/a:b}"), ("user", "u")]);
        let shown = mask(&stored, &secrets);
        assert_eq!(
            shown,
            props(&[("password", "[hidden]"), ("other", "${file:/a:b}"), ("user", "u")])
        );
        let (meant, masks) = unmask(shown.clone(), Some(&stored)).unwrap();
        assert_eq!((meant, masks), (stored, BTreeSet::from(["password".to_owned()])));
        let refused = unmask(shown, None).unwrap_err().message;
        assert!(refused.starts_with("Invalid value [hidden] for configuration password"));
        let mixed = mask(&props(&[("password", "a${file:/a:b}")]), &secrets);
        assert_eq!(mixed["password"], "[hidden]");
    }
}
