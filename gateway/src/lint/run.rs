//! From files to findings.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gantry_api::{PluginRegistry, Props};

use super::context::Context;
use super::document::{Document, Kind};
use super::report::{FileReport, Report};
use super::syntax::UNREADABLE;
use super::{converters, dialects, errors, flow, keys, placeholders, secrets, stages};
use super::{syntax, topics, values, worker};
use crate::files::{read, read_properties};
use crate::worker_config::built_in;

/// What is known of the worker that connectors shall run on.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    /// Its properties: defaults of converters, config providers.
    pub(super) props: Props,
    /// Whether they are those of a file.
    pub(super) given: bool,
}

impl Worker {
    /// The one without a worker file.
    pub(crate) fn built_in() -> Self {
        Self { props: built_in(), given: false }
    }
    /// The one of a worker file.
    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        Ok(Self { props: read_properties(file)?, given: true })
    }
    /// The one of properties.
    pub(super) fn of(props: Props) -> Self {
        Self { props, given: true }
    }
}

/// A file as far as it could be read.
struct Read {
    file: String,
    document: Option<Document>,
    report: Report,
}

/// Looks at files. Without a worker, the first worker file among them is that of the connectors.
pub(crate) fn lint_files(
    files: &[PathBuf],
    worker: Option<Worker>,
    plugins: &Arc<PluginRegistry>,
) -> Vec<FileReport> {
    let read: Vec<Read> = files.iter().map(|file| open(file)).collect();
    let mut documents = read.iter().filter_map(|read| read.document.as_ref());
    let among = documents.find(|document| document.kind == Kind::Worker);
    let worker = worker
        .or_else(|| among.map(|document| Worker::of(document.props.clone())))
        .unwrap_or_else(Worker::built_in);
    read.into_iter().map(|read| judge(read, &worker, plugins)).collect()
}

fn open(path: &Path) -> Read {
    let mut report = Report::default();
    let file = path.display().to_string();
    let document = match read(path) {
        Ok(bytes) => Document::read(&bytes, &mut report),
        Err(why) => {
            report.at(&UNREADABLE, None, None, why, "name a file that can be read");
            None
        }
    };
    Read { file, document, report }
}

fn judge(read: Read, worker: &Worker, plugins: &Arc<PluginRegistry>) -> FileReport {
    let Read { file, document, mut report } = read;
    let kind = match &document {
        None => "unknown",
        Some(document) if document.kind == Kind::Worker => {
            check_worker(document, plugins, &mut report);
            "worker"
        }
        Some(document) => {
            check_connector(document, worker, plugins, &mut report);
            "connector"
        }
    };
    FileReport { file, kind, findings: report.finish() }
}

/// Looks at a connector file.
pub(super) fn check_connector(
    document: &Document,
    worker: &Worker,
    plugins: &Arc<PluginRegistry>,
    report: &mut Report,
) {
    let context = Context::new(document, plugins, worker);
    syntax::check(document, report);
    dialects::check(&context, report);
    stages::check(&context, report);
    keys::check(&context, report);
    values::check(&context, report);
    converters::check(&context, report);
    flow::check(&context, report);
    errors::check(&context, report);
    topics::check(&context, report);
    secrets::check(document, |key| context.is_password(key), report);
    placeholders::check(document, worker, report);
}

/// Looks at a worker file.
pub(super) fn check_worker(
    document: &Document,
    plugins: &Arc<PluginRegistry>,
    report: &mut Report,
) {
    syntax::check(document, report);
    worker::check(document, plugins, report);
    secrets::check(document, |_| false, report);
    placeholders::check(document, &Worker::of(document.props.clone()), report);
}
