//! Levels of loggers, by the names that Kafka Connect's loggers have.

use tracing_subscriber::filter::LevelFilter;

/// From which severity on a logger writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Off,
    /// Kafka Connect's highest severity. No event has it here, so it writes nothing.
    Fatal,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
    All,
}

const LEVELS: [Level; 8] = [
    Level::Off,
    Level::Fatal,
    Level::Error,
    Level::Warn,
    Level::Info,
    Level::Debug,
    Level::Trace,
    Level::All,
];

impl Level {
    /// Its name, in capitals.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Off => "OFF",
            Self::Fatal => "FATAL",
            Self::Error => "ERROR",
            Self::Warn => "WARN",
            Self::Info => "INFO",
            Self::Debug => "DEBUG",
            Self::Trace => "TRACE",
            Self::All => "ALL",
        }
    }

    /// The level of a name in any case of letters, blanks around it allowed.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        LEVELS.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(name.trim()))
    }

    /// As a number: none 0, ERROR 1, … TRACE 5.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Off | Self::Fatal => 0,
            Self::Error => 1,
            Self::Warn => 2,
            Self::Info => 3,
            Self::Debug => 4,
            Self::Trace | Self::All => 5,
        }
    }

    /// What is let through.
    pub(super) fn filter(self) -> LevelFilter {
        match self {
            Self::Off | Self::Fatal => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace | Self::All => LevelFilter::TRACE,
        }
    }
}
