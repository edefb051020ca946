//! A rule: its code, what it says, and an example on each side of it.

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// It does not work.
    Error,
    /// It works otherwise than it looks.
    Warning,
    /// Worth knowing.
    Info,
}

impl Level {
    /// As findings name it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// What stands around the lines of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// A FileStreamSource from `in.txt` to the topic `lines`.
    Source,
    /// A FileStreamSink from the topic `lines` to `out.txt`.
    Sink,
    /// A worker file with JsonConverter without schemas.
    Worker,
    /// Nothing: the example is a whole properties file.
    Properties,
    /// Nothing: the example is a whole JSON file.
    Json,
}

/// One rule. Its code is for ever: a rule that goes leaves a gap.
#[derive(Debug)]
pub(crate) struct Rule {
    /// `GL` and three digits.
    pub(crate) code: &'static str,
    pub(crate) level: Level,
    /// One line.
    pub(crate) title: &'static str,
    /// Why it matters, and what to do. Markdown.
    pub(super) explanation: &'static str,
    pub(super) base: Base,
    /// Lines that it finds.
    pub(super) bad: &'static str,
    /// Lines in which it finds nothing.
    pub(super) good: &'static str,
}
