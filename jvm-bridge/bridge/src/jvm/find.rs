//! Where Java is.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use gantry_api::{Error, Result};

/// The oldest Java that runs the plugins' API.
const OLDEST: u32 = 17;
/// Where distributions put it.
const COMMON_PLACES: [&str; 4] = ["/usr/lib/jvm", "/opt/java", "/usr/java", "/opt/jdk"];
/// Where the library is below a Java home.
const LIBRARIES: [&str; 3] =
    ["lib/server/libjvm.so", "lib/server/libjvm.dylib", "jre/lib/server/libjvm.dylib"];

/// A Java that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Java {
    pub(crate) home: PathBuf,
    pub(crate) library: PathBuf,
    /// The first number of its version.
    pub(crate) version: u32,
}

impl Java {
    /// Its launcher, for child processes.
    pub(crate) fn launcher(&self) -> PathBuf {
        self.home.join("bin/java")
    }
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// `gantry.java.home`: then nowhere else.
    pub(crate) configured: Option<PathBuf>,
    /// `JAVA_HOME` of the environment.
    pub(crate) java_home: Option<PathBuf>,
    /// `PATH` of the environment.
    pub(crate) path: Option<OsString>,
}

/// The first Java that will do. The error tells what was tried, and why it would not do.
pub(crate) fn find_java(places: &Places) -> Result<Java> {
    let mut tried = Vec::new();
    for (why, home) in candidates(places) {
        match look(&home) {
            Ok(java) => return Ok(java),
            Err(reason) => tried.push(format!("{} ({why}): {reason}", home.display())),
        }
    }
    let tried = match tried.is_empty() {
        true => "there is no java in PATH, no JAVA_HOME, and nothing in /usr/lib/jvm".to_owned(),
        false => tried.join("; "),
    };
    Err(Error::config(format!(
        "Java plugins need Java {OLDEST} or newer, and none was found. Install one, or set \
         gantry.java.home or JAVA_HOME to where it is. Tried: {tried}"
    )))
}

fn candidates(places: &Places) -> Vec<(&'static str, PathBuf)> {
    if let Some(home) = &places.configured {
        return vec![("gantry.java.home", home.clone())];
    }
    let mut all = Vec::new();
    all.extend(places.java_home.iter().map(|home| ("JAVA_HOME", home.clone())));
    let launchers =
        places.path.iter().flat_map(|path| std::env::split_paths(path).collect::<Vec<_>>());
    for launcher in launchers.map(|dir| dir.join("java")) {
        // Often a link to a link: HOME/bin/java is at its end.
        let real = fs::canonicalize(launcher).ok();
        let home = real.and_then(|path| Some(path.parent()?.parent()?.to_owned()));
        all.extend(home.map(|home| ("java in PATH", home)));
    }
    for place in COMMON_PLACES {
        let mut found: Vec<PathBuf> = fs::read_dir(place)
            .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
            .unwrap_or_default();
        found.retain(|path| path.is_dir());
        found.sort();
        all.extend(found.into_iter().map(|home| (place, home)));
    }
    let mut seen = Vec::new();
    all.retain(|(_, home)| {
        let new = !seen.contains(home);
        seen.push(home.clone());
        new
    });
    all
}

fn look(home: &Path) -> Result<Java, String> {
    let library = LIBRARIES.iter().map(|name| home.join(name)).find(|path| path.is_file());
    let library = library.ok_or_else(|| format!("it has no {}", LIBRARIES[0]))?;
    let release = fs::read_to_string(home.join("release")).unwrap_or_default();
    let version = version_of(&release).ok_or("its file `release` tells no version")?;
    if version < OLDEST {
        return Err(format!("it is Java {version}"));
    }
    Ok(Java { home: home.to_owned(), library, version })
}

/// The first number of `JAVA_VERSION="17.0.15"`; 8 for `1.8.0_412`.
fn version_of(release: &str) -> Option<u32> {
    let line = release.lines().find_map(|line| line.strip_prefix("JAVA_VERSION="))?;
    let mut numbers = line.trim().trim_matches('"').split(['.', '_', '-', '+']);
    match numbers.next()?.parse().ok()? {
        1 => numbers.next()?.parse().ok(),
        version => Some(version),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home(dir: &Path, version: Option<&str>, with_library: bool) -> PathBuf {
        fs::create_dir_all(dir.join("lib/server")).expect("a directory");
        if with_library {
            fs::write(dir.join("lib/server/libjvm.so"), "").expect("a file");
        }
        if let Some(version) = version {
            fs::write(dir.join("release"), format!("JAVA_VERSION=\"{version}\"\n"))
                .expect("a file");
        }
        dir.to_owned()
    }

    #[test]
    fn versions_are_read() {
        for (text, version) in [("17.0.15", 17), ("1.8.0_412", 8), ("25", 25), ("22-ea", 22)] {
            assert_eq!(version_of(&format!("X=1\nJAVA_VERSION=\"{text}\"\n")), Some(version));
        }
        assert_eq!(version_of("IMPLEMENTOR=x"), None);
    }

    #[test]
    fn the_first_that_will_do_is_taken_and_the_error_tells_the_others() {
        let dir = tempfile::tempdir().expect("a directory");
        let old = home(&dir.path().join("old"), Some("11.0.2"), true);
        let empty = home(&dir.path().join("empty"), Some("21"), false);
        let good = home(&dir.path().join("good"), Some("21.0.1"), true);
        let only = |home: &Path| Places { configured: Some(home.to_owned()), ..Places::default() };
        assert_eq!(find_java(&only(&good)).expect("found").version, 21);
        let text = find_java(&only(&old)).expect_err("too old").to_string();
        assert!(text.contains("old (gantry.java.home): it is Java 11"), "{text}");
        let text = find_java(&only(&empty)).expect_err("no library").to_string();
        assert!(text.contains("it has no lib/server/libjvm.so"), "{text}");
    }
}
