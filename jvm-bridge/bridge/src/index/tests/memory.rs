//! The cache.

use std::fs;
use std::path::{Path, PathBuf};

use super::build::{CONVERTER, Class, SERVICE, jar};
use super::names;
use crate::index::{DiscoveryMode, Found, Index, Learned};

struct Setup {
    root: tempfile::TempDir,
    index: Index,
}

impl Setup {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let index = Index::open(root.path().join("some/cache"));
        Self { root, index }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("plugins").join(name)
    }

    fn jar(&self, name: &str, classes: &[&str]) {
        let classes: Vec<_> =
            classes.iter().map(|name| Class::new(name).implements(CONVERTER)).collect();
        jar(&self.path(name), &classes, &[(SERVICE, "p.A")]);
    }

    fn look(&self, mode: DiscoveryMode) -> Found {
        self.index.look(&[self.root.path().join("plugins")], mode)
    }

    fn files(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.root.path().join("some/cache")).unwrap();
        files.map(|file| file.unwrap().path()).collect()
    }
}

/// Overwrites what is at the start of an archive: the first entry, not the central directory.
fn spoil(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes.iter_mut().take(60).for_each(|byte| *byte = 0xFF);
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_second_look_inflates_nothing() {
    let setup = Setup::new();
    setup.jar("a.jar", &["p/A", "p/B"]);
    let found = setup.look(DiscoveryMode::HybridWarn);
    assert_eq!(names(&found), ["converter p.A", "converter p.B"]);
    spoil(&setup.path("a.jar"));
    assert_eq!(setup.look(DiscoveryMode::HybridWarn), found);
    assert_eq!(names(&setup.look(DiscoveryMode::ServiceLoad)), ["converter p.A"]);
    // With the cache gone the damage shows, and costs that class alone.
    setup.files().iter().for_each(|file| fs::remove_file(file).unwrap());
    let found = setup.look(DiscoveryMode::OnlyScan);
    assert_eq!(names(&found), ["converter p.B"]);
    let [warning] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
    let path = setup.path("a.jar");
    let reason = "damaged zip archive: an entry is not where it should be";
    let expected =
        format!("Could not read \"p/A.class\" of {}: {reason}. Ignoring.", path.display());
    assert_eq!(*warning, expected);
}

#[test]
fn a_change_is_seen() {
    let setup = Setup::new();
    setup.jar("dir/a.jar", &["p/A"]);
    let hash = |found: &Found| found.locations.first().unwrap().hash.clone();
    let first = setup.look(DiscoveryMode::OnlyScan);
    setup.jar("dir/b.jar", &["p/B"]);
    let second = setup.look(DiscoveryMode::OnlyScan);
    assert_eq!(names(&second), ["converter p.A", "converter p.B"]);
    fs::remove_file(setup.path("dir/a.jar")).unwrap();
    fs::rename(setup.path("dir/b.jar"), setup.path("dir/c.jar")).unwrap();
    let third = setup.look(DiscoveryMode::OnlyScan);
    assert_eq!(names(&third), ["converter p.B"]);
    assert!(hash(&first) != hash(&second) && hash(&second) != hash(&third));
    assert_eq!(setup.files().len(), 3);
}

#[test]
fn changed_classes_of_a_directory_are_seen() {
    let setup = Setup::new();
    let path = setup.path("dir/p/A.class");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, Class::new("p/A").bytes()).unwrap();
    assert_eq!(names(&setup.look(DiscoveryMode::OnlyScan)), [""; 0]);
    fs::write(&path, Class::new("p/A").implements(CONVERTER).bytes()).unwrap();
    assert_eq!(names(&setup.look(DiscoveryMode::OnlyScan)), ["converter p.A"]);
}

#[test]
fn files_that_are_not_of_the_cache_are_written_anew() {
    let setup = Setup::new();
    setup.jar("a.jar", &["p/A"]);
    let found = setup.look(DiscoveryMode::OnlyScan);
    let files = setup.files();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    let good = fs::read_to_string(file).unwrap();
    let other_format = good.replace("\"format\": 1", "\"format\": 99999");
    let other_hash = good.replacen("\"hash\": \"", "\"hash\": \"x", 1);
    for bad in ["", "{", "[]", "{\"format\": 1}", &other_format, &other_hash] {
        assert_ne!(bad, good);
        fs::write(file, bad).unwrap();
        assert_eq!(setup.look(DiscoveryMode::OnlyScan), found);
        assert_eq!(fs::read_to_string(file).unwrap(), good);
    }
    assert_eq!(setup.files(), files, "nothing else is left in the directory");
}

#[test]
fn what_a_jvm_found_out_is_kept() {
    let setup = Setup::new();
    setup.jar("a.jar", &["p/A", "p/B"]);
    let _ = setup.look(DiscoveryMode::OnlyScan);
    let mut found = setup.look(DiscoveryMode::ServiceLoad);
    let location = found.locations.first_mut().unwrap();
    let of = |class: &str, version: Option<&str>, fault: Option<&str>| Learned {
        class: class.to_owned(),
        version: version.map(str::to_owned),
        fault: fault.map(str::to_owned),
    };
    let learned = [of("p.A", Some("1.0"), None), of("p.B", None, Some("no"))];
    setup.index.learn(location, &learned).unwrap();
    assert_eq!(setup.look(DiscoveryMode::ServiceLoad), found);
    // Also what this mode does not find.
    let found = setup.look(DiscoveryMode::OnlyScan);
    let told: Vec<_> = found.plugins().map(|(_, it)| (&it.version, &it.fault)).collect();
    assert_eq!(told, [(&Some("1.0".to_owned()), &None), (&None, &Some("no".to_owned()))]);
}

#[test]
fn a_cache_that_can_not_be_written_is_a_warning() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("plugins/a.jar");
    jar(&path, &[Class::new("p/A").implements(CONVERTER)], &[]);
    let found = Index::open(root.path().join("plugins/a.jar/cache"))
        .look(std::slice::from_ref(&path), DiscoveryMode::OnlyScan);
    assert_eq!(names(&found), ["converter p.A"]);
    let start = format!("can't write {}", path.display());
    assert!(found.warnings.iter().all(|text| text.starts_with(&start)), "{:?}", found.warnings);
    assert_eq!(found.warnings.len(), 1);
}
