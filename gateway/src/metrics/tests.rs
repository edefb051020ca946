use super::names;

#[test]
fn names_are_lowercase_and_described() {
    for name in [names::RECORDS_IN, names::BATCH_TIME, names::LOG_SIZE, names::CPU] {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.name.chars().all(plain), "{}", name.name);
        assert!(!name.help.is_empty() && !name.help.ends_with('.'), "{}", name.name);
    }
}
