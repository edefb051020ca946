use tracing::Level as Severity;

use super::loggers::{Loggers, targets};
use super::names::{KNOWN, name, target};
use super::*;

fn loggers() -> Loggers {
    Loggers::new(Level::Info, &[], None)
}

fn level(loggers: &Loggers, name: &str) -> Option<&'static str> {
    loggers.level(name).map(|level| level.level)
}

#[test]
fn levels_are_read_in_any_case() {
    assert_eq!(Level::parse("Info"), Some(Level::Info));
    assert_eq!(Level::parse(" all "), Some(Level::All));
    assert_eq!(Level::parse("FATAL"), Some(Level::Fatal));
    for wrong in ["", " ", "VERBOSE", "1"] {
        assert_eq!(Level::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn names_and_modules_are_each_others_inverse() {
    for (logger, module) in [
        ("gantry.engine.task.sink", "gantry_engine::task::sink"),
        ("gantry.rest.server", "gantry::rest::server"),
        ("gantry", "gantry"),
        ("tick.source", "tick::source"),
        ("gantry_example.tick", "gantry_example::tick"),
    ] {
        assert_eq!(target(logger), module);
        assert_eq!(name(module), logger);
    }
}

#[test]
fn every_known_logger_stands_once() {
    let mut names: Vec<&str> =
        KNOWN.iter().flat_map(|known| known.kafka.iter().chain([&known.native])).copied().collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn a_parent_sets_its_children() {
    let loggers = loggers();
    assert_eq!(loggers.level("a.b"), None);
    assert_eq!(loggers.set("a.b", Level::Debug).unwrap(), ["a.b"]);
    assert!(loggers.set("a.b", Level::Debug).unwrap().is_empty());
    assert_eq!(loggers.set("a.b.c.d", Level::Warn).unwrap(), ["a.b.c.d"]);
    assert_eq!(loggers.level("a.b.c"), None);
    assert_eq!(loggers.set("a", Level::Error).unwrap(), ["a", "a.b", "a.b.c.d"]);
    assert_eq!(level(&loggers, "a.b.c.d"), Some("ERROR"));
    assert!(loggers.level("a").unwrap().last_modified.is_some());
    // As in Kafka Connect a name need only begin alike, if it has a level of its own.
    loggers.set("aa", Level::Info).unwrap();
    assert_eq!(loggers.set("a", Level::Trace).unwrap(), ["a", "a.b", "a.b.c.d", "aa"]);
}

#[test]
fn a_logger_that_is_off_is_not_listed_and_counts_as_changed() {
    let loggers = loggers();
    assert_eq!(loggers.set("x", Level::Off).unwrap(), ["x"]);
    assert!(!loggers.levels().contains_key("x"));
    assert_eq!(level(&loggers, "x"), Some("OFF"));
    assert_eq!(loggers.set("x", Level::Off).unwrap(), ["x"]);
    loggers.set("root", Level::Off).unwrap();
    assert!(loggers.levels().is_empty());
}

#[test]
fn the_root_sets_all() {
    let loggers = loggers();
    assert_eq!(loggers.level("ROOT").unwrap(), loggers.level("root").unwrap());
    assert_eq!(loggers.level("root").unwrap().last_modified, None);
    loggers.set("gantry.log", Level::Trace).unwrap();
    let changed = loggers.set("Root", Level::Warn).unwrap();
    assert_eq!(changed.len(), loggers.levels().len());
    assert!(changed.contains(&"root".to_owned()));
    assert!(loggers.levels().values().all(|level| level.level == "WARN"));
    assert!(loggers.set("root", Level::Warn).unwrap().is_empty());
}

#[test]
fn a_logger_has_one_level_under_all_its_names() {
    let loggers = loggers();
    let changed = loggers.set("org.apache.kafka.connect", Level::Debug).unwrap();
    assert!(changed.iter().all(|name| name.starts_with("org.apache.kafka.connect")), "{changed:?}");
    assert_eq!(level(&loggers, "gantry.engine.task.sink"), Some("DEBUG"));
    assert_eq!(level(&loggers, "gantry.log"), Some("INFO"));
    loggers.set("gantry.engine.task.sink", Level::Error).unwrap();
    let twin = "org.apache.kafka.connect.runtime.WorkerSinkTask";
    assert_eq!(level(&loggers, twin), Some("ERROR"));
    assert_eq!(level(&loggers, "org.apache.kafka.connect.runtime.WorkerTask"), Some("DEBUG"));
}

#[test]
fn the_filter_follows_the_levels() {
    let twin = "org.apache.kafka.connect.runtime.WorkerSinkTask".to_owned();
    let some = [(twin, Level::Debug), ("gantry.connectors.file.source".to_owned(), Level::Trace)];
    let filter = targets(Level::Warn, &some);
    assert!(filter.would_enable("gantry_engine::task::sink", &Severity::DEBUG));
    assert!(filter.would_enable("gantry_engine::task::sink::more", &Severity::DEBUG));
    assert!(!filter.would_enable("gantry_engine::task::sink", &Severity::TRACE));
    assert!(!filter.would_enable("gantry_engine::task::source", &Severity::INFO));
    assert!(filter.would_enable("gantry_connectors::file::source", &Severity::TRACE));
    assert!(!filter.would_enable("gantry_connectors::file::source_task", &Severity::INFO));
    assert!(filter.would_enable("somewhere", &Severity::WARN));
    let silent = targets(Level::Fatal, &[]);
    assert!(!silent.would_enable("gantry::startup", &Severity::ERROR));
}

#[test]
fn loggers_are_limited() {
    let loggers = loggers();
    for i in 0..1_000 {
        let _ = loggers.set(&format!("l{i}"), Level::Info);
    }
    assert!(loggers.set("one.more", Level::Debug).is_err());
    assert!(loggers.set("l1", Level::Debug).is_ok());
}
