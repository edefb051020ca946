//! Which locations there are and what their class paths are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::build::{CONVERTER, Class, SERVICE, jar};
use super::{look, names};
use crate::index::{DiscoveryMode, Found, Index, locate};

fn plugin(path: &Path) {
    jar(path, &[Class::new("p/A").implements(CONVERTER)], &[]);
}

fn class(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, Class::new("p/A").implements(CONVERTER).bytes()).unwrap();
}

/// For each location its path and its class path, relative to the root.
fn told(found: &Found, root: &Path) -> Vec<(String, Vec<String>)> {
    let root = format!("{}/", root.display());
    let locations = found.locations.iter().map(|location| {
        let path = location.path.display().to_string().replace(&root, "");
        let prefix = format!("file:{root}");
        (path, location.urls.iter().map(|url| url.replace(&prefix, "")).collect())
    });
    locations.collect()
}

#[test]
fn directories_and_archives_are_locations() {
    let root = tempfile::tempdir().unwrap();
    // Paths are resolved, so that links lead into the root.
    let root = root.path().canonicalize().unwrap();
    for path in ["b/z.jar", "b/deep/a.ZIP", "b/a+ü.jar", "a.jar", "c.zip", "elsewhere/x.jar"] {
        plugin(&root.join("path").join(path));
    }
    let path = root.join("path");
    fs::rename(path.join("elsewhere"), root.join("elsewhere")).unwrap();
    fs::write(path.join("readme.txt"), "").unwrap();
    fs::create_dir(path.join("empty")).unwrap();
    symlink("../../elsewhere/x.jar", path.join("b/link.jar")).unwrap();
    symlink("..", path.join("b/deep/loop")).unwrap();
    symlink("nowhere", path.join("b/gone")).unwrap();
    symlink("nowhere", path.join("b/gone.jar")).unwrap();
    let found = look(&path, DiscoveryMode::OnlyScan);
    let of = |path: &str, urls: &[&str]| {
        (path.to_owned(), urls.iter().map(|url| (*url).to_owned()).collect::<Vec<_>>())
    };
    let expected = [
        of("path/a.jar", &["path/a.jar"]),
        of(
            "path/b",
            &["elsewhere/x.jar", "path/b/a+%C3%BC.jar", "path/b/deep/a.ZIP", "path/b/z.jar"],
        ),
        of("path/c.zip", &["path/c.zip"]),
        of("path/empty", &[]),
    ];
    assert_eq!(told(&found, &root), expected);
    let gone = format!("Resolving symbolic link '{}/b/gone.jar' failed.", path.display());
    assert_eq!(found.warnings.len(), 1);
    assert!(found.warnings.iter().all(|text| text.starts_with(&gone)), "{:?}", found.warnings);
    assert_eq!(found.plugins().count(), 3, "the same class is kept for each location");
}

#[test]
fn loose_classes_are_a_location_unless_there_are_archives() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    class(&root.join("classes/p/A.class"));
    fs::create_dir_all(root.join("classes/META-INF/services")).unwrap();
    fs::write(root.join("classes").join(SERVICE), "p.A").unwrap();
    class(&root.join("mixed/p/A.class"));
    plugin(&root.join("mixed/lib/a.jar"));
    // By its name an archive, but a directory.
    class(&root.join("strange.jar/p/A.class"));
    class(&root.join("Alone.class"));
    let found = look(root, DiscoveryMode::HybridWarn);
    let locations = told(&found, root);
    let urls: Vec<_> = locations.iter().map(|(_, urls)| urls.join(" ")).collect();
    assert_eq!(urls, ["classes/", "mixed/lib/a.jar", "strange.jar/"]);
    assert_eq!(names(&found), ["converter p.A"; 3]);
    let listed: Vec<_> = found.plugins().map(|(_, plugin)| plugin.in_manifest).collect();
    assert_eq!(listed, [true, false, false]);
    let alone = format!("Could not get listing for plugin path: {}/Alone.class.", root.display());
    let [first, second] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
    assert!(first.starts_with(&alone), "{first}");
    let mixed = "Plugin path contains both java archives and class files. Returning only the \
                 archives";
    assert_eq!(second, mixed);
}

#[test]
fn elements_that_can_not_be_used_do_not_keep_others_from_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    plugin(&root.join("good/a.jar"));
    fs::write(root.join("notes.txt"), "").unwrap();
    fs::write(root.join("junk.jar"), "junk").unwrap();
    let cache = root.join("cache");
    let path: Vec<PathBuf> = ["nowhere", "notes.txt", "junk.jar", "good", "good/", "good//a.jar"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    let found = Index::open(&cache).look(&path, DiscoveryMode::OnlyScan);
    let paths: Vec<_> = told(&found, root).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["junk.jar", "good/a.jar"]);
    assert_eq!(names(&found), ["converter p.A"]);
    let [first, second] = found.warnings.as_slice() else { panic!("{:?}", found.warnings) };
    let nowhere = format!("Could not get listing for plugin path: {}/nowhere.", root.display());
    assert!(first.starts_with(&nowhere), "{first}");
    let junk = "junk.jar: not a zip archive: it has no end record. Ignoring.";
    assert!(second.ends_with(junk), "{second}");
    assert_eq!(Index::open(&cache).look(&[], DiscoveryMode::OnlyScan), Found::default());
}

#[test]
fn urls_are_those_of_java() {
    let url = |path: &str| locate::url(Path::new(path));
    assert_eq!(url("/nowhere/a b+ü#%.jar"), "file:/nowhere/a%20b+%C3%BC%23%25.jar");
    assert_eq!(url("/nowhere/(1)[2];~!@&=$,'*:"), "file:/nowhere/(1)%5B2%5D;~!@&=$,'*:");
    assert_eq!(url("/"), "file:/");
}
