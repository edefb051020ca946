//! Folders are layers and arrows go one way: what ARCHITECTURE.md draws, held against the
//! manifests and the sources.

#![expect(clippy::expect_used, reason = "what a test cannot read fails it")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// What each crate may depend on. A crate that is missing here fails the test: whoever adds one
/// says here where it stands.
const ARROWS: &[(&str, &[&str])] = &[
    ("gantry-model", &[]),
    ("gantry-converters", &["gantry-model"]),
    ("gantry-transforms", &["gantry-model"]),
    ("gantry-tls", &["gantry-model"]),
    ("gantry-api", &["gantry-model"]),
    ("gantry-log", &["gantry-model"]),
    ("gantry-cluster", &["gantry-model"]),
    ("gantry-rocketmq", &["gantry-log"]),
    ("gantry-coordination", &["gantry-log", "gantry-cluster"]),
    (
        "gantry-engine",
        &["gantry-model", "gantry-api", "gantry-log", "gantry-cluster", "gantry-coordination"],
    ),
    (
        "gantry-connectors",
        &[
            "gantry-api",
            "gantry-converters",
            "gantry-schema-converters",
            "gantry-tls",
            "gantry-transforms",
        ],
    ),
    ("gantry-replicator", &["gantry-api", "gantry-log", "gantry-coordination"]),
    ("gantry-streams", &["gantry-model", "gantry-log", "gantry-cluster", "gantry-coordination"]),
    ("gantry-jvm-bridge", &["gantry-api", "gantry-log"]),
    ("gantry-schema-model", &[]),
    ("gantry-schema-avro", &["gantry-schema-model", "gantry-model"]),
    ("gantry-schema-protobuf", &["gantry-schema-model", "gantry-model"]),
    ("gantry-schema-json", &["gantry-schema-model", "gantry-model"]),
    (
        "gantry-schema-converters",
        &[
            "gantry-model",
            "gantry-converters",
            "gantry-schema-model",
            "gantry-schema-avro",
            "gantry-schema-protobuf",
            "gantry-schema-json",
            "gantry-tls",
        ],
    ),
    (
        "gantry-schema-registry",
        &[
            "gantry-log",
            "gantry-schema-model",
            "gantry-schema-avro",
            "gantry-schema-protobuf",
            "gantry-schema-json",
        ],
    ),
    (
        "gantry",
        &[
            "gantry-model",
            "gantry-converters",
            "gantry-tls",
            "gantry-transforms",
            "gantry-api",
            "gantry-log",
            "gantry-rocketmq",
            "gantry-engine",
            "gantry-connectors",
            "gantry-replicator",
            "gantry-jvm-bridge",
            "gantry-schema-converters",
            "gantry-schema-registry",
        ],
    ),
    ("gantry-simulation", &["gantry-cluster", "gantry-model"]),
    ("gantry-example-custom-plugin", &["gantry", "gantry-api"]),
];

/// Crates that must stay free of threads, sockets and async.
const PURE: &[&str] = &["gantry-model", "gantry-converters", "gantry-transforms", "gantry-cluster"];
/// What would end their purity.
const IMPURE: &[&str] = &["tokio", "axum", "hyper", "ureq", "socket2"];

/// Lines of a source file, tests left out.
const FILE_LINES_MAX: usize = 800;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Package name → names of its normal dependencies.
fn packages() -> BTreeMap<String, Vec<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Json = serde_json::from_slice(&output.stdout).expect("json");
    let names = |package: &Json| {
        package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str().map(str::to_owned))
            .collect()
    };
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| (package["name"].as_str().expect("name").to_owned(), names(package)))
        .collect()
}

#[test]
fn no_arrow_points_up() {
    for (package, dependencies) in packages() {
        if package == "gantry-tests" {
            continue;
        }
        let known = ARROWS.iter().find(|(name, _)| *name == package);
        let (_, allowed) = known.unwrap_or_else(|| panic!("say in ARROWS where {package} stands"));
        for dependency in dependencies.iter().filter(|name| name.starts_with("gantry")) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{package} must not depend on {dependency}: ARCHITECTURE.md says why"
            );
        }
    }
}

#[test]
fn what_kafka_says_is_pure() {
    let packages = packages();
    for package in PURE {
        for dependency in &packages[*package] {
            assert!(!IMPURE.contains(&dependency.as_str()), "{package} depends on {dependency}");
        }
    }
}

#[test]
fn no_source_file_is_too_long() {
    let mut stack: Vec<PathBuf> = ["kafka-compat", "runtime", "gateway", "examples", "tests"]
        .iter()
        .map(|folder| root().join(folder))
        .collect();
    let mut seen = 0;
    while let Some(path) = stack.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).expect("a folder").filter_map(Result::ok);
            stack.extend(entries.map(|entry| entry.path()).filter(|p| !p.ends_with("target")));
            continue;
        }
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = code.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines: split it", path.display());
    }
    assert!(seen > 50, "only {seen} source files were found");
}
