use std::sync::Arc;

use super::infos::ConfigInfos;
use super::*;
use crate::plugin::Props;

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

struct Letters;
impl Recommender for Letters {
    fn valid_values(&self, _: &str, config: &ParsedConfig) -> Vec<String> {
        vec![format!("after-{}", config.string("parent").unwrap_or("none"))]
    }
    fn visible(&self, _: &str, config: &ParsedConfig) -> bool {
        config.string("parent").is_some()
    }
}

fn def() -> ConfigDef {
    let key = |name: &str| ConfigKey::nullable(name, Type::String, Importance::Low, "doc");
    ConfigDef::new()
        .define(key("parent").dependents(&["child", "ghost"]).group("g", 1, Width::Short, "P"))
        .define(key("child").recommender(Arc::new(Letters)))
        .define(
            ConfigKey::new("n", Type::Long, 7, Importance::High, "doc")
                .validator(Validator::at_least(1)),
        )
}

#[test]
fn dependents_recommend_and_ghosts_show() {
    let values = def().validate(&props(&[("parent", "p"), ("n", "x")]));
    let find = |name: &str| values.iter().find(|value| value.name == name).unwrap();
    assert_eq!(find("child").recommended_values, ["after-p"]);
    assert!(find("child").visible && !find("ghost").visible);
    assert_eq!(find("ghost").errors, ["ghost is referred in the dependents, but not defined."]);
    assert_eq!(
        find("n").errors,
        [
            "Invalid value x for configuration n: Not a number of type LONG",
            "Invalid value null for configuration n: Value must be non-null"
        ]
    );
    let infos = ConfigInfos::new("C", &def(), values, vec!["g".to_owned()]);
    assert_eq!(infos.error_count, 3);
    assert!(infos.configs.first().unwrap().definition.is_none());
    let shown = serde_json::to_string(&infos.configs.get(1).unwrap().definition).unwrap();
    assert_eq!(
        shown,
        r#"{"name":"parent","type":"STRING","required":false,"default_value":null,"importance":"LOW","documentation":"doc","group":"g","order_in_group":1,"width":"SHORT","display_name":"P","dependents":["child","ghost"]}"#
    );
    assert_eq!(
        def().parse(&props(&[])).unwrap_err().message(),
        "Some configurations in are referred in the dependents, but not defined: ghost"
    );
}

#[test]
fn a_circle_of_dependents_ends() {
    let key = |name: &str, on: &str| {
        ConfigKey::nullable(name, Type::String, Importance::Low, "").dependents(&[on])
    };
    let def = ConfigDef::new().define(key("a", "b")).define(key("b", "b"));
    assert_eq!(def.validate(&props(&[])).len(), 2);
}

#[test]
fn classes_are_looked_up() {
    let lookup: ClassLookup = Arc::new(|name| (name == "Short").then(|| "full.Short".to_owned()));
    let def = ConfigDef::new()
        .define(ConfigKey::required("c", Type::Class, Importance::Low, ""))
        .with_classes(lookup);
    assert_eq!(def.parse(&props(&[("c", "Short")])).unwrap().string("c"), Some("full.Short"));
    assert_eq!(
        def.parse(&props(&[("c", "no")])).unwrap_err().message(),
        "Invalid value no for configuration c: Class no could not be found."
    );
}

#[test]
fn passwords_do_not_show() {
    let def =
        ConfigDef::new().define(ConfigKey::required("p", Type::Password, Importance::Low, ""));
    let values = def.validate(&props(&[("p", "secret")]));
    assert_eq!(values.first().unwrap().value.as_deref(), Some("[hidden]"));
}

#[test]
fn embedded_keys_stand_as_in_a_form_and_keep_their_names_in_errors() {
    let child = ConfigDef::new()
        .define(ConfigKey::new("b", Type::String, "", Importance::High, ""))
        .define(ConfigKey::new("a", Type::String, "", Importance::High, ""))
        .define(
            ConfigKey::required("z", Type::Int, Importance::Low, "")
                .validator(Validator::at_least(1)),
        );
    let def = ConfigDef::new().embed("p.", "P", 2, &child);
    let shown: Vec<(&str, i32, Option<&str>)> =
        def.keys().map(|k| (k.name.as_str(), k.order, k.display_name.as_deref())).collect();
    assert_eq!(shown, [("p.z", 2, Some("z")), ("p.a", 3, Some("a")), ("p.b", 4, Some("b"))]);
    let values = def.validate(&props(&[("p.z", "0")]));
    assert_eq!(
        values.first().unwrap().errors,
        ["Invalid value 0 for configuration z: Value must be at least 1"]
    );
}

#[test]
fn faults_of_a_definition_are_found() {
    let key = |default: &str| ConfigKey::new("k", Type::Int, default, Importance::Low, "doc");
    let fault = |def: ConfigDef| def.fault().map(|error| error.message().to_owned());
    assert_eq!(fault(ConfigDef::new().define(key("5"))), None);
    assert_eq!(
        fault(ConfigDef::new().define(key("x"))).as_deref(),
        Some("Invalid value x for configuration k: Not a number of type INT")
    );
    let positive = key("-1").validator(Validator::at_least(0));
    assert_eq!(
        fault(ConfigDef::new().define(positive)).as_deref(),
        Some("Invalid value -1 for configuration k: Value must be at least 0")
    );
    assert_eq!(
        fault(ConfigDef::new().define(key("1")).define(key("2"))).as_deref(),
        Some("Configuration k is defined twice.")
    );
}
