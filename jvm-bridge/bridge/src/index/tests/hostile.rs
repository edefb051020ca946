//! Archives that are damaged or made to harm: none of them panics or takes much memory.

use std::path::Path;

use super::build::{ABSTRACT, CONVERTER, Class, Form, PUBLIC, SERVICE, archive};
use super::{look, names};
use crate::index::{DiscoveryMode, Found, Index};

fn bytes(form: Form) -> Vec<u8> {
    let classes = [
        Class::new("p/Base").access(PUBLIC | ABSTRACT).implements(CONVERTER),
        Class::new("p/A").extends("p/Base"),
    ];
    let mut entries: Vec<_> = classes.iter().map(Class::entry).collect();
    entries.push((SERVICE.to_owned(), b"p.A".to_vec()));
    archive(&entries, form)
}

/// What is in an archive of these bytes.
fn found(path: &Path, bytes: &[u8]) -> Found {
    std::fs::write(path, bytes).unwrap();
    look(path, DiscoveryMode::HybridWarn)
}

#[test]
fn any_byte_may_be_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("it.jar");
    // A cache that can't be written: it would take most of the time.
    let index = Index::open(path.join("cache"));
    for (stored, zip64) in [(true, true), (false, false)] {
        let good = bytes(Form { stored, zip64 });
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad.iter_mut().skip(at).take(1).for_each(|byte| *byte = !*byte);
            std::fs::write(&path, &bad).unwrap();
            let found = index.look(std::slice::from_ref(&path), DiscoveryMode::HybridWarn);
            assert_eq!(found.locations.len(), 1);
        }
    }
}

#[test]
fn any_archive_may_end_early() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("it.jar");
    let good = bytes(Form::default());
    for size in 0..good.len() {
        let found = found(&path, good.get(..size).unwrap());
        assert_eq!(names(&found), [""; 0]);
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
    }
}

#[test]
fn a_class_of_great_size_is_not_inflated() {
    let directory = tempfile::tempdir().unwrap();
    // 64 MB that take 64 kB, as a name among the constants.
    let mut class = vec![0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 61, 0xFF, 0xFF];
    for _ in 0..1000 {
        class.extend_from_slice(&[1, 0xFF, 0xFF]);
        class.resize(class.len() + 0xFFFF, b'a');
    }
    let entries = [
        ("p/Huge.class".to_owned(), class.clone()),
        Class::new("p/A").implements(CONVERTER).entry(),
        (SERVICE.to_owned(), vec![b'a'; 2 << 20]),
    ];
    let bytes = archive(&entries, Form::default());
    let found = found(&directory.path().join("it.jar"), &bytes);
    assert_eq!(names(&found), ["converter p.A"]);
    let [class, manifest] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
    assert!(class.contains("p/Huge.class") && class.contains("16777216 bytes"), "{class}");
    assert!(manifest.contains("1048576 bytes"), "{manifest}");
}

#[test]
fn methods_and_encryption_that_are_unknown_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("it.jar");
    let good = bytes(Form::default());
    let entry = good.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
    for (at, value, reason) in
        [(8, 1, "the entry is encrypted"), (10, 93, "unknown compression method 93")]
    {
        let mut bad = good.clone();
        *bad.get_mut(entry + at).unwrap() = value;
        let found = found(&path, &bad);
        let first = found.warnings.first().unwrap();
        assert!(first.contains("p/Base.class") && first.contains(reason), "{first}");
    }
}

#[test]
fn texts_and_numbers_of_problems_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let lines = (0..1000).map(|number| format!("p.{}{number}\n", "a".repeat(5000)));
    let manifest: String = lines.take(150).collect();
    let mut entries = vec![(SERVICE.to_owned(), manifest.into_bytes())];
    entries.extend((0..100).map(|number| (format!("p/A{number}.class"), b"junk".to_vec())));
    let bytes = archive(&entries, Form::default());
    let found = found(&directory.path().join("it.jar"), &bytes);
    assert_eq!(found.warnings.len(), 200);
    assert!(found.warnings.iter().all(|text| text.len() < 1500));
}
