//! RocketMQ Connect's ChangeCase: writes the names of fields in another case.

use gantry_model::config::{ConfigDef, ConfigKey, Importance, ParsedConfig, Type, Validator};
use gantry_model::plugin::{Fate, Plugin, Transformation};
use gantry_model::{ConnectRecord, Error, Result};

use crate::support::{FieldRenamer, rocketmq_keyed};

const PURPOSE: &str = "change case of fields";
const FROM: &str = "from";
const TO: &str = "to";

/// How the words of a name are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    LowerHyphen,
    LowerUnderscore,
    LowerCamel,
    UpperCamel,
    UpperUnderscore,
}

const CASES: [(&str, Case); 5] = [
    ("LOWER_HYPHEN", Case::LowerHyphen),
    ("LOWER_UNDERSCORE", Case::LowerUnderscore),
    ("LOWER_CAMEL", Case::LowerCamel),
    ("UPPER_CAMEL", Case::UpperCamel),
    ("UPPER_UNDERSCORE", Case::UpperUnderscore),
];

impl Case {
    fn of(config: &ParsedConfig, key: &str) -> Result<Self> {
        let name = config.string(key).unwrap_or_default();
        let known = CASES.iter().find(|(known, _)| *known == name).map(|(_, case)| *case);
        known.ok_or_else(|| Error::config(format!("Invalid value {name} for configuration {key}")))
    }

    fn separator(self) -> &'static str {
        match self {
            Self::LowerHyphen => "-",
            Self::LowerUnderscore | Self::UpperUnderscore => "_",
            Self::LowerCamel | Self::UpperCamel => "",
        }
    }

    /// Whether a word ends before this character.
    fn is_boundary(self, c: char) -> bool {
        match self {
            Self::LowerHyphen => c == '-',
            Self::LowerUnderscore | Self::UpperUnderscore => c == '_',
            Self::LowerCamel | Self::UpperCamel => c.is_ascii_uppercase(),
        }
    }

    fn add_word(self, word: &str, first: bool, out: &mut String) {
        match self {
            Self::LowerHyphen | Self::LowerUnderscore => out.push_str(&word.to_ascii_lowercase()),
            Self::UpperUnderscore => out.push_str(&word.to_ascii_uppercase()),
            Self::LowerCamel if first => out.push_str(&word.to_ascii_lowercase()),
            Self::LowerCamel | Self::UpperCamel => {
                let mut letters = word.chars();
                out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
                out.push_str(&letters.as_str().to_ascii_lowercase());
            }
        }
    }
}

/// A name in another case; letters beyond ASCII stay as they are. What is not in the case `from`
/// is taken as it comes: no name is refused.
fn convert(from: Case, to: Case, name: &str) -> String {
    if from == to {
        return name.to_owned();
    }
    // Between these only signs and letters change, also where there are empty words.
    let plain = |case: Case| !matches!(case, Case::LowerCamel | Case::UpperCamel);
    if plain(from) && plain(to) {
        let replaced = name.replace(from.separator(), to.separator());
        return match to {
            Case::UpperUnderscore => replaced.to_ascii_uppercase(),
            _ if from == Case::UpperUnderscore => replaced.to_ascii_lowercase(),
            _ => replaced,
        };
    }
    let mut out = String::with_capacity(name.len() + 4);
    let mut start = 0;
    for (at, c) in name.char_indices() {
        if !from.is_boundary(c) {
            continue;
        }
        // An empty word before the first letter is none.
        if start == 0 {
            out.clear();
        }
        to.add_word(name.get(start..at).unwrap_or_default(), start == 0, &mut out);
        out.push_str(to.separator());
        start = at + from.separator().len();
    }
    if start == 0 {
        out.clear();
    }
    to.add_word(name.get(start..).unwrap_or_default(), start == 0, &mut out);
    out
}

struct ChangeCase {
    from: Case,
    to: Case,
    renamer: FieldRenamer,
}

pub(crate) fn plugins() -> [Plugin<dyn Transformation>; 2] {
    rocketmq_keyed("ChangeCase", config, |config: &ParsedConfig, side| {
        Ok(Box::new(ChangeCase {
            from: Case::of(config, FROM)?,
            to: Case::of(config, TO)?,
            renamer: FieldRenamer::new(side, PURPOSE),
        }))
    })
}

fn config() -> ConfigDef {
    let key = |name: &str, doc: &str| {
        ConfigKey::required(name, Type::String, Importance::High, doc)
            .validator(Validator::one_of(&CASES.map(|(known, _)| known)))
    };
    ConfigDef::new()
        .define(key(FROM, "The case that names of fields have, for example LOWER_UNDERSCORE."))
        .define(key(TO, "The case that they shall have, for example LOWER_CAMEL."))
}

impl Transformation for ChangeCase {
    fn apply(&mut self, record: &mut ConnectRecord) -> Result<Fate> {
        let Self { from, to, renamer } = self;
        renamer.apply(record, |name| {
            Ok(Some(convert(*from, *to, name)).filter(|converted| converted != name))
        })?;
        Ok(Fate::Keep)
    }
}

#[cfg(test)]
mod tests {
    use gantry_model::Value;

    use super::*;
    use crate::tests::{Change, error_text, make, map, record, struct_record};

    /// What Guava's `CaseFormat`, which RocketMQ Connect uses, makes of some names.
    const GUAVA: &[(&str, &str)] = &[
        (
            "LOWER_HYPHEN>LOWER_HYPHEN",
            "user_name|userName|UserName|USER_NAME|user-name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|XMLHttp",
        ),
        (
            "LOWER_HYPHEN>LOWER_UNDERSCORE",
            "user_name|userName|UserName|USER_NAME|user_name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|XMLHttp",
        ),
        (
            "LOWER_HYPHEN>LOWER_CAMEL",
            "user_name|username|username|user_name|userName||a|_a|a_|a__b|userid2name|\u{c9}a_b|xmlhttp",
        ),
        (
            "LOWER_HYPHEN>UPPER_CAMEL",
            "User_name|Username|Username|User_name|UserName||A|_a|A_|A__b|Userid2name|\u{c9}a_b|Xmlhttp",
        ),
        (
            "LOWER_HYPHEN>UPPER_UNDERSCORE",
            "USER_NAME|USERNAME|USERNAME|USER_NAME|USER_NAME||A|_A|A_|A__B|USERID2NAME|\u{c9}A_B|XMLHTTP",
        ),
        (
            "LOWER_UNDERSCORE>LOWER_HYPHEN",
            "user-name|userName|UserName|USER-NAME|user-name||a|-a|a-|a--b|userID2Name|\u{c9}a-b|XMLHttp",
        ),
        (
            "LOWER_UNDERSCORE>LOWER_UNDERSCORE",
            "user_name|userName|UserName|USER_NAME|user-name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|XMLHttp",
        ),
        (
            "LOWER_UNDERSCORE>LOWER_CAMEL",
            "userName|username|username|userName|user-name||a|A|a|aB|userid2name|\u{c9}aB|xmlhttp",
        ),
        (
            "LOWER_UNDERSCORE>UPPER_CAMEL",
            "UserName|Username|Username|UserName|User-name||A|A|A|AB|Userid2name|\u{c9}aB|Xmlhttp",
        ),
        (
            "LOWER_UNDERSCORE>UPPER_UNDERSCORE",
            "USER_NAME|USERNAME|USERNAME|USER_NAME|USER-NAME||A|_A|A_|A__B|USERID2NAME|\u{c9}A_B|XMLHTTP",
        ),
        (
            "LOWER_CAMEL>LOWER_HYPHEN",
            "user_name|user-name|user-name|u-s-e-r_-n-a-m-e|user-name||a|_a|a_|a__b|user-i-d2-name|\u{c9}a_b|x-m-l-http",
        ),
        (
            "LOWER_CAMEL>LOWER_UNDERSCORE",
            "user_name|user_name|user_name|u_s_e_r__n_a_m_e|user-name||a|_a|a_|a__b|user_i_d2_name|\u{c9}a_b|x_m_l_http",
        ),
        (
            "LOWER_CAMEL>LOWER_CAMEL",
            "user_name|userName|UserName|USER_NAME|user-name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|XMLHttp",
        ),
        (
            "LOWER_CAMEL>UPPER_CAMEL",
            "User_name|UserName|UserName|USER_NAME|User-name||A|_a|A_|A__b|UserID2Name|\u{c9}a_b|XMLHttp",
        ),
        (
            "LOWER_CAMEL>UPPER_UNDERSCORE",
            "USER_NAME|USER_NAME|USER_NAME|U_S_E_R__N_A_M_E|USER-NAME||A|_A|A_|A__B|USER_I_D2_NAME|\u{c9}A_B|X_M_L_HTTP",
        ),
        (
            "UPPER_CAMEL>LOWER_HYPHEN",
            "user_name|user-name|user-name|u-s-e-r_-n-a-m-e|user-name||a|_a|a_|a__b|user-i-d2-name|\u{c9}a_b|x-m-l-http",
        ),
        (
            "UPPER_CAMEL>LOWER_UNDERSCORE",
            "user_name|user_name|user_name|u_s_e_r__n_a_m_e|user-name||a|_a|a_|a__b|user_i_d2_name|\u{c9}a_b|x_m_l_http",
        ),
        (
            "UPPER_CAMEL>LOWER_CAMEL",
            "user_name|userName|userName|uSER_NAME|user-name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|xMLHttp",
        ),
        (
            "UPPER_CAMEL>UPPER_CAMEL",
            "user_name|userName|UserName|USER_NAME|user-name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|XMLHttp",
        ),
        (
            "UPPER_CAMEL>UPPER_UNDERSCORE",
            "USER_NAME|USER_NAME|USER_NAME|U_S_E_R__N_A_M_E|USER-NAME||A|_A|A_|A__B|USER_I_D2_NAME|\u{c9}A_B|X_M_L_HTTP",
        ),
        (
            "UPPER_UNDERSCORE>LOWER_HYPHEN",
            "user-name|username|username|user-name|user-name||a|-a|a-|a--b|userid2name|\u{c9}a-b|xmlhttp",
        ),
        (
            "UPPER_UNDERSCORE>LOWER_UNDERSCORE",
            "user_name|username|username|user_name|user-name||a|_a|a_|a__b|userid2name|\u{c9}a_b|xmlhttp",
        ),
        (
            "UPPER_UNDERSCORE>LOWER_CAMEL",
            "userName|username|username|userName|user-name||a|A|a|aB|userid2name|\u{c9}aB|xmlhttp",
        ),
        (
            "UPPER_UNDERSCORE>UPPER_CAMEL",
            "UserName|Username|Username|UserName|User-name||A|A|A|AB|Userid2name|\u{c9}aB|Xmlhttp",
        ),
        (
            "UPPER_UNDERSCORE>UPPER_UNDERSCORE",
            "user_name|userName|UserName|USER_NAME|user-name||a|_a|a_|a__b|userID2Name|\u{c9}a_b|XMLHttp",
        ),
    ];
    const NAMES: [&str; 13] = [
        "user_name",
        "userName",
        "UserName",
        "USER_NAME",
        "user-name",
        "",
        "a",
        "_a",
        "a_",
        "a__b",
        "userID2Name",
        "\u{c9}a_b",
        "XMLHttp",
    ];

    #[test]
    fn names_are_what_guava_makes_of_them() {
        let case = |name: &str| CASES.iter().find(|(known, _)| *known == name).expect("known").1;
        assert_eq!(GUAVA.len(), CASES.len() * CASES.len());
        for (pair, expected) in GUAVA {
            let (from, to) = pair.split_once('>').expect("two cases");
            let made: Vec<_> =
                NAMES.iter().map(|name| convert(case(from), case(to), name)).collect();
            assert_eq!(made.join("|"), *expected, "{pair}");
        }
    }

    #[test]
    fn structs_and_maps_are_renamed_and_nulls_pass() {
        let config = [("from", "LOWER_UNDERSCORE"), ("to", "UPPER_CAMEL")];
        let mut t = make("ChangeCase$Value", &config).expect("valid");
        let input = map(&[("a_b", Value::Int8(1)), ("C", Value::Int8(2))]);
        let out = t.change(record(input)).expect("applies").expect("kept");
        assert_eq!(out.value.value, map(&[("AB", Value::Int8(1)), ("C", Value::Int8(2))]));
        let out = t.change(struct_record()).expect("applies").expect("kept");
        let schema = out.value.schema.expect("a schema");
        assert!(schema.field("Id").is_some() && schema.field("D").is_some());
        let out = t.change(record(Value::Null)).expect("applies").expect("kept");
        assert_eq!(out.value.value, Value::Null);
        let text = error_text(t.change(record(Value::Int8(1))));
        assert!(text.contains("[change case of fields], found: java.lang.Byte"), "{text}");
        let both = map(&[("a_b", Value::Null), ("AB", Value::Null), ("aB", Value::Null)]);
        assert!(error_text(t.change(record(both))).contains("would both be called"));
    }

    #[test]
    fn cases_must_be_known() {
        let config = [("from", "lower_camel"), ("to", "LOWER_CAMEL")];
        let text = error_text(make("ChangeCase$Key", &config));
        assert!(text.starts_with("Invalid value lower_camel for configuration from: "), "{text}");
        assert!(text.contains("UPPER_UNDERSCORE"), "{text}");
        assert!(error_text(make("ChangeCase$Key", &[("from", "LOWER_CAMEL")])).contains("\"to\""));
    }

    proptest::proptest! {
        #[test]
        fn well_formed_names_come_back(words in proptest::collection::vec("[a-z]{1,6}", 1..5)) {
            let written = |case: Case| {
                let mut out = String::new();
                for (n, word) in words.iter().enumerate() {
                    if n > 0 {
                        out.push_str(case.separator());
                    }
                    case.add_word(word, n == 0, &mut out);
                }
                out
            };
            for (_, from) in CASES {
                for (_, to) in CASES {
                    proptest::prop_assert_eq!(convert(from, to, &written(from)), written(to));
                }
            }
        }
    }
}
