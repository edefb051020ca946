//! `${provider:path:key}` in configurations: any text; variables lie in it in order, and what no provider knows stays.
#![no_main]

use std::collections::BTreeMap;
use std::sync::Arc;

use gantry_fuzz::{GROWN_BYTES, grown};
use gantry_model::Result;
use gantry_model::config::provider::{Providers, substitute, variables};
use gantry_model::plugin::{ConfigProvider, Props};
use libfuzzer_sys::fuzz_target;

/// Knows every key, or none.
struct Fixed(Option<&'static str>);

impl ConfigProvider for Fixed {
    fn get(&self, _path: &str, keys: &[&str]) -> Result<BTreeMap<String, String>> {
        Ok(self.0.map_or_else(BTreeMap::new, |value| {
            keys.iter().map(|key| ((*key).to_owned(), value.to_owned())).collect()
        }))
    }
}

fn fill(text: &str, value: Option<&'static str>) -> String {
    let provider: Arc<dyn ConfigProvider> = Arc::new(Fixed(value));
    let names = variables(text).into_iter().map(|variable| variable.provider.to_owned());
    let providers: Providers = names.map(|name| (name, Arc::clone(&provider))).collect();
    let props = Props::from([("key".to_owned(), text.to_owned())]);
    substitute(&props, &providers)
        .expect("this provider never fails")
        .remove("key")
        .expect("the key stays")
}

fuzz_target!(|bytes: &[u8]| {
    let bytes = grown(bytes, GROWN_BYTES);
    let Ok(text) = std::str::from_utf8(&bytes) else { return };
    let mut expected = String::new();
    let mut from = 0;
    for variable in variables(text) {
        expected.push_str(&text[from..variable.start]);
        expected.push_str("${a:b}");
        from = variable.start + variable.text.len();
        assert_eq!(&text[variable.start..from], variable.text);
    }
    expected.push_str(&text[from..]);
    assert_eq!(fill(text, None), text);
    // A replacement is not looked at again.
    assert_eq!(fill(text, Some("${a:b}")), expected);
});
