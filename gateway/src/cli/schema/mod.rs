//! `gantry schema …`

mod args;
mod check;
mod dump;
mod import;
mod import_mode;
mod interrupt;
mod model;
mod parallel;
mod registry;
mod survey;
mod text;

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use gantry_schema_registry::names::{normalize_context, starts_with_context};
use serde_json::{Value as Json, json};

pub(super) use self::args::SchemaArgs;
use self::args::{DeleteArgs, ListArgs, SchemaCommand, ShowArgs};
use self::model::Version;
use self::parallel::in_parallel;
use self::registry::{
    REFERENCE_EXISTS, Registry, SUBJECT_SOFT_DELETED, VERSION_SOFT_DELETED, subject_path,
    version_path,
};
use super::client::{Failure, Refusal};
use super::output::{complain, say, say_bytes, table};
use crate::rest::encode_segment;

/// Runs a schema command.
pub(super) fn run(args: SchemaArgs) -> Result<ExitCode, String> {
    let at = &args.registry;
    let registry = || Registry::new(at);
    match args.command {
        SchemaCommand::List(args) => list(&registry()?, &args),
        SchemaCommand::Show(args) => show(&registry()?, &args),
        SchemaCommand::Register(args) => return check::register(&registry()?, &args),
        SchemaCommand::Check(args) => return check::check(&registry()?, &args),
        SchemaCommand::Diff(args) => check::diff(&registry()?, &args),
        SchemaCommand::Delete(args) => delete(&registry()?, &args),
        SchemaCommand::Export(args) => export(&registry()?, &args.file),
        SchemaCommand::Import(args) => import::run(at, &args),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn pretty(json: &Json) -> Result<(), String> {
    say(serde_json::to_string_pretty(json).map_err(|error| error.to_string())?)
}

fn list(registry: &Registry, args: &ListArgs) -> Result<(), String> {
    let prefix = args.prefix.as_deref().unwrap_or_default();
    let prefix = match &args.context {
        Some(context) => normalize_context(context)? + prefix,
        None if starts_with_context(prefix) => prefix.to_owned(),
        None => format!(":*:{prefix}"),
    };
    let mut found = registry.latest(&prefix, false)?;
    if args.deleted {
        let live: std::collections::BTreeSet<String> =
            found.iter().map(|version| version.subject.clone()).collect();
        let all = registry.latest(&prefix, true)?.into_iter();
        let deleted = all.filter(|version| !live.contains(&version.subject));
        found.extend(deleted.map(|version| Version { deleted: Some(true), ..version }));
        found.sort_by(|a, b| a.subject.cmp(&b.subject));
    }
    let levels = in_parallel(&found, |version| Ok(registry.level(&version.subject)?))?;
    if args.json {
        let rows = found.iter().zip(&levels).map(|(version, level)| {
            json!({
                "subject": version.subject,
                "version": version.version,
                "id": version.id,
                "schemaType": version.schema_type(),
                "compatibilityLevel": level,
                "deleted": version.is_deleted(),
            })
        });
        return pretty(&rows.collect());
    }
    let rows: Vec<Vec<String>> = found
        .iter()
        .zip(levels)
        .map(|(version, level)| {
            vec![
                version.subject.clone(),
                version.version.to_string(),
                version.id.to_string(),
                version.schema_type().to_owned(),
                level,
                if version.is_deleted() { "deleted" } else { "" }.to_owned(),
            ]
        })
        .collect();
    let state = if args.deleted { "STATE" } else { "" };
    say(table(&["SUBJECT", "LATEST", "ID", "FORMAT", "LEVEL", state], &rows))
}

/// The path of a version; a number also names one that was deleted.
fn shown_path(subject: &str, version: &str) -> String {
    let deleted = if version == "latest" { "" } else { "?deleted=true" };
    version_path(subject, version) + deleted
}

fn show(registry: &Registry, args: &ShowArgs) -> Result<(), String> {
    let path = match (&args.subject, args.id) {
        (Some(subject), _) => shown_path(subject, &args.version),
        (None, id) => {
            let context = args.context.as_deref().map(normalize_context).transpose()?;
            let context = context.unwrap_or_default();
            let subject = encode_segment(&context);
            format!("/schemas/ids/{}?subject={subject}", id.unwrap_or_default())
        }
    };
    let mut answer: Json = registry.get(&path)?;
    if args.json {
        return pretty(&answer);
    }
    if let (Some(id), Some(answer)) = (args.id, answer.as_object_mut()) {
        // Who asks for an id is not told it.
        answer.entry("id").or_insert(Json::from(id));
    }
    let shown: Version = serde_json::from_value(answer)
        .map_err(|error| format!("the answer to GET {path} is no schema: {error}"))?;
    let place = if shown.subject.is_empty() {
        String::new()
    } else {
        format!("{} version {}, ", shown.subject, shown.version)
    };
    let deleted = if shown.is_deleted() { ", deleted" } else { "" };
    let (id, format) = (shown.id, shown.schema_type());
    // What is not the schema goes where a redirection does not take it.
    complain(format!("{place}id {id}, {format}{deleted}"));
    for reference in &shown.references {
        let model::Reference { name, subject, version } = reference;
        complain(format!("refers to {subject} version {version} as {name}"));
    }
    say(text::pretty(&shown.schema))
}

fn delete(registry: &Registry, args: &DeleteArgs) -> Result<(), String> {
    let DeleteArgs { subject, version, .. } = args;
    // The latest is named by its number: another one may be the latest by then.
    let version = match version.as_deref() {
        Some("latest") => {
            let latest: Version = registry.get(&version_path(subject, "latest"))?;
            Some(latest.version.to_string())
        }
        version => version.map(str::to_owned),
    };
    let what = match &version {
        Some(version) => format!("version {version} of {subject}"),
        None => format!("all versions of {subject}"),
    };
    if !args.yes {
        let how = if args.permanent { " for good" } else { "" };
        confirm(&format!("Delete {what}{how}?"))?;
    }
    let path = match &version {
        Some(version) => version_path(subject, version),
        None => subject_path(subject),
    };
    let numbers = match (remove(registry, subject, &path), args.permanent) {
        (Ok(numbers), false) => numbers,
        (Ok(_), true) => {
            remove(registry, subject, &format!("{path}?permanent=true")).map_err(|removal| {
                format!("{what}: deleted, but not for good: {}", String::from(removal))
            })?
        }
        (Err(Removal::Refused(refusal)), is_permanent) if is_deleted(&refusal) => {
            if !is_permanent {
                return Err(format!("{what}: deleted already; --permanent deletes it for good"));
            }
            remove(registry, subject, &format!("{path}?permanent=true"))?
        }
        (Err(removal), _) => return Err(removal.into()),
    };
    let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let how = if args.permanent { "deleted for good" } else { "deleted" };
    say(format!("{how}: {subject} version(s) {}", numbers.join(", ")))
}

/// Whether what is to be deleted softly was.
fn is_deleted(refusal: &Refusal) -> bool {
    matches!(refusal.code, SUBJECT_SOFT_DELETED | VERSION_SOFT_DELETED)
}

/// What a deletion comes to when it does not.
enum Removal {
    Refused(Refusal),
    Failed(String),
}

impl From<Removal> for String {
    fn from(removal: Removal) -> Self {
        match removal {
            Removal::Refused(refusal) => refusal.message,
            Removal::Failed(why) => why,
        }
    }
}

/// Deletes; gives the numbers of the versions.
fn remove(registry: &Registry, subject: &str, path: &str) -> Result<Vec<i64>, Removal> {
    match registry.client.json("DELETE", path, None) {
        Ok(Json::Array(numbers)) => Ok(numbers.iter().filter_map(Json::as_i64).collect()),
        Ok(number) => Ok(number.as_i64().into_iter().collect()),
        Err(Failure::Refused(refusal)) if refusal.code == REFERENCE_EXISTS => {
            let referring = referring(registry, subject).unwrap_or_default();
            let who = if referring.is_empty() {
                "The registry does not say what".to_owned()
            } else {
                referring.join("\n  ")
            };
            Err(Removal::Failed(format!(
                "{} Delete what refers to it first:\n  {who}",
                refusal.message
            )))
        }
        Err(Failure::Refused(refusal)) => Err(Removal::Refused(refusal)),
        Err(Failure::Lost(why)) => Err(Removal::Failed(why)),
    }
}

/// What refers to the versions of a subject.
fn referring(registry: &Registry, subject: &str) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    let context = gantry_schema_registry::names::prefix_of(
        gantry_schema_registry::names::context_of(subject),
    );
    let versions: Vec<i32> =
        registry.get(&format!("{}/versions?deleted=true", subject_path(subject)))?;
    for version in versions {
        let path = version_path(subject, &version.to_string()) + "/referencedby?deleted=true";
        for id in registry.get::<Vec<i32>>(&path)? {
            let path = format!(
                "/schemas/ids/{id}/versions?deleted=true&subject={}",
                encode_segment(&context)
            );
            for place in registry.get::<Vec<Json>>(&path)? {
                lines.push(format!(
                    "{} version {} (id {id}) refers to version {version}",
                    place.get("subject").and_then(Json::as_str).unwrap_or_default(),
                    place.get("version").and_then(Json::as_i64).unwrap_or_default(),
                ));
            }
        }
    }
    Ok(lines)
}

/// Asks the user.
fn confirm(question: &str) -> Result<(), String> {
    if !io::stdin().is_terminal() {
        return Err(format!("{question} Nobody can be asked here: --yes says yes"));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| format!("standard input: {error}"))?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err("nothing was deleted".to_owned()),
    }
}

fn export(registry: &Registry, file: &Path) -> Result<(), String> {
    let contents = registry.contents()?;
    if file.as_os_str() == dump::STANDARD {
        let mut bytes = Vec::new();
        dump::write(&mut bytes, &contents)?;
        say_bytes(&bytes)?;
    } else {
        let named = |why: String| format!("{}: {why}", file.display());
        let written = File::create(file).map_err(|error| error.to_string()).and_then(|open| {
            let mut out = BufWriter::new(open);
            dump::write(&mut out, &contents)?;
            let file = out.into_inner().map_err(|error| error.to_string())?;
            file.sync_all().map_err(|error| error.to_string())
        });
        written.map_err(named)?;
    }
    complain(format!(
        "{} version(s) of {} subject(s) in {} context(s), {} config(s), {} mode(s)",
        contents.versions.len(),
        contents.subjects().len(),
        contents.contexts.len() + 1,
        contents.configs.len(),
        contents.modes.len(),
    ));
    Ok(())
}
