use std::path::Path;

use super::*;

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn many_variables_take_no_longer_than_others() {
    const MANY: usize = 200_000;
    let opened = format!("{}p:k}}", "${".repeat(MANY));
    let found = variables(&opened);
    assert_eq!((found.len(), found[0].key), (1, "k"), "the first beginning counts");
    assert!(found[0].provider.starts_with("${") && found[0].provider.ends_with("${p"));
    assert!(variables(&"${}".repeat(MANY)).is_empty());
    let text: String = (0..MANY).map(|n| format!("${{env:{n}}}")).collect();
    let env: Arc<dyn ConfigProvider> =
        Arc::new(EnvProvider::new(&BTreeMap::new(), &Props::new()).unwrap());
    let props = Props::from([("key".to_owned(), text)]);
    let filled = substitute(&props, &Providers::from([("env".to_owned(), env)])).unwrap();
    assert_eq!(filled, props);
}

#[test]
fn a_long_row_of_joined_lines_takes_no_longer_than_others() {
    const ROWS: usize = 200_000;
    let all = read_properties(&"\\\\\\\r\\\n\\\n".repeat(ROWS)).unwrap();
    assert_eq!(all.into_keys().collect::<Vec<_>>(), ["\\".repeat(ROWS)]);
}

#[test]
fn properties_are_read_as_java_does() {
    let text = "# c\n! c\na=1\n b : 2\nc 3\nlong=x\\\n   y\nesc\\=aped = t\\tb\\u00e9\\q\nempty\n\
                \\u0066oo=\\ud83d\\ude00\ncr=1\\\r\n  2\r\nlast=\\\\";
    let all = read_properties(text).unwrap();
    let expected = props(&[
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("long", "xy"),
        ("esc=aped", "t\tb\u{e9}q"),
        ("empty", ""),
        ("foo", "\u{1f600}"),
        ("cr", "12"),
        ("last", "\\"),
    ]);
    assert_eq!(all, expected);
    for bad in ["a=\\u12", "a=\\u12g4", "a=\\u+123"] {
        assert!(read_properties(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_lone_backslash_at_the_end_is_an_empty_key_but_for_two_signs() {
    let keys = |text: &str| read_properties(text).unwrap().into_keys().collect::<Vec<_>>();
    for text in ["\\", "\\\n", "\\\r"] {
        assert_eq!(keys(text), [""], "{text:?}");
    }
    for text in ["\\\r\n", "\\\n\\\r\n", "\\\n  "] {
        assert!(keys(text).is_empty(), "{text:?}");
    }
    assert_eq!(keys("a\\\r\n"), ["a"]);
}

#[test]
fn half_of_a_pair_is_a_question_mark() {
    let all = read_properties("k=\\ud83d.\\ude00").unwrap();
    assert_eq!(all, props(&[("k", "?.?")]));
}

#[test]
fn entries_know_their_place_and_doubles_stay() {
    let text = "# c\n\na=1\r\n  b : x\\\n   y\n\tc\na=2\n";
    let places: Vec<_> = property_list(text)
        .unwrap()
        .into_iter()
        .map(|entry| (entry.line, entry.column, entry.key, entry.value))
        .collect();
    let entry =
        |line, column, key: &str, value: &str| (line, column, key.to_owned(), value.to_owned());
    assert_eq!(
        places,
        [
            entry(3, 1, "a", "1"),
            entry(4, 3, "b", "xy"),
            entry(6, 2, "c", ""),
            entry(7, 1, "a", "2")
        ]
    );
}

#[test]
fn variables_are_found() {
    let found = |text| -> Vec<(String, String, String)> {
        variables(text)
            .into_iter()
            .map(|v| (v.provider.to_owned(), v.path.to_owned(), v.key.to_owned()))
            .collect()
    };
    let one = |a: &str, b: &str, c: &str| vec![(a.to_owned(), b.to_owned(), c.to_owned())];
    assert_eq!(found("x${p:a:b:c}y"), one("p", "a", "b:c"));
    assert_eq!(found("${none} ${p:k}"), one("p", "", "k"));
    assert_eq!(found("$${p:k}"), one("p", "", "k"));
    assert!(found("${p:k ${").is_empty());
}

#[test]
fn replacements_are_not_replaced_again() {
    let env = props(&[("A", "${env:B}"), ("B", "b")]);
    let mut providers = Providers::new();
    providers.insert("env".to_owned(), create(ENV_CLASS, &props(&[]), &env).unwrap());
    let out = substitute(&props(&[("k", "${env:A}-${env:C}-${x:B}")]), &providers).unwrap();
    assert_eq!(out, props(&[("k", "${env:B}-${env:C}-${x:B}")]));
    assert!(substitute(&props(&[("k", "${env:path:B}")]), &providers).is_err());
}

#[test]
fn keys_do_not_lead_out_of_a_folder() {
    let folder = std::env::temp_dir();
    let provider = DirectoryProvider::new(&props(&[])).unwrap();
    let found =
        provider.get(&folder.to_string_lossy(), &["../etc/hostname", "..", "/etc/hostname"]);
    assert!(found.unwrap().is_empty());
}

#[test]
fn of_paths_in_one_bucket_the_last_is_asked_first() {
    let env: Arc<dyn ConfigProvider> =
        Arc::new(EnvProvider::new(&BTreeMap::new(), &Props::new()).unwrap());
    let providers = Providers::from([("env".to_owned(), env)]);
    let error = |text: &str| {
        let failed = substitute(&props(&[("k", text)]), &providers).unwrap_err();
        failed.message().rsplit_once(' ').map(|(_, path)| path.to_owned()).unwrap()
    };
    // Both hashes fall into one bucket.
    assert_eq!(error("${env:HOME_X:a}${env:${env:a}"), "'${env'");
    assert_eq!(error("${env:${env:a}${env:HOME_X:a}"), "'HOME_X'");
}

#[test]
fn slashes_at_the_end_of_a_file_do_not_count() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let provider = FileProvider::new(&Props::new()).unwrap();
    let found = provider.get(&format!("{}//", file.display()), &["edition.workspace"]).unwrap();
    assert_eq!(found, props(&[("edition.workspace", "true")]));
}
