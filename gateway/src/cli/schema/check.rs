//! `gantry schema register`, `check` and `diff`: schemas of files beside those of a registry.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use gantry_schema_registry::names::context_of;
use serde_json::{Map, Value as Json, json};

use super::args::{CheckArgs, DiffArgs, FileArgs, FormArgs, RegisterArgs, is_version};
use super::model::{Reference, Version};
use super::registry::{Registry, is_missing, subject_path};
use super::{dump, pretty, shown_path, text};
use crate::cli::client::Failure;
use crate::cli::output::say;
use crate::files::read_text_bounded;
use crate::rest::encode_segment;

/// A larger schema is taken by no registry.
const SCHEMA_BYTES_MAX: u64 = 16 << 20;
/// Neither the subject nor the schema is there.
const NOT_FOUND: u16 = 404;
const LATEST: &str = "latest";
/// Asks also for the connectors that use the subject.
const IMPACT: &str = "&impact=true";

/// The formats by the endings of files.
const ENDINGS: [(&str, &str); 3] = [("avsc", "AVRO"), ("proto", "PROTOBUF"), ("json", "JSON")];

/// A schema that is not registered yet.
struct Candidate {
    schema_type: String,
    references: Vec<Reference>,
    schema: String,
    normalize: bool,
}

impl Candidate {
    fn read(file: &Path, form: &FormArgs) -> Result<Self, String> {
        let ending = file.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let by_ending = ENDINGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
        let schema_type = match (&form.schema_type, by_ending) {
            (Some(given), _) => given.to_ascii_uppercase(),
            (None, Some((_, by_ending))) => (*by_ending).to_owned(),
            (None, None) => {
                return Err(format!(
                    "{}: the ending does not say the format (.avsc, .proto, .json): add --type \
                     AVRO, PROTOBUF or JSON",
                    file.display()
                ));
            }
        };
        let schema = if file.as_os_str() == dump::STANDARD {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(SCHEMA_BYTES_MAX).read_to_string(&mut text);
            read.map_err(|error| format!("standard input: {error}"))?;
            text
        } else {
            read_text_bounded(file, SCHEMA_BYTES_MAX)
                .map_err(|why| format!("{}: {why}", file.display()))?
        };
        let references = form.reference.clone();
        Ok(Self { schema_type, references, schema, normalize: form.normalize })
    }

    fn of(version: &Version) -> Self {
        Self {
            schema_type: version.schema_type().to_owned(),
            references: version.references.clone(),
            schema: version.schema.clone(),
            normalize: false,
        }
    }

    fn body(&self) -> Json {
        json!({
            "schemaType": self.schema_type,
            "references": self.references,
            "schema": self.schema,
        })
    }
}

fn number(answer: &Json, name: &str) -> i64 {
    answer.get(name).and_then(Json::as_i64).unwrap_or_default()
}

/// Registers a schema; 1 when a dry run says that it could not be registered.
pub(super) fn register(registry: &Registry, args: &RegisterArgs) -> Result<ExitCode, String> {
    let FileArgs { subject, file, form } = &args.schema;
    let candidate = Candidate::read(file, form)?;
    let query = if candidate.normalize { "?normalize=true" } else { "" };
    let path = subject_path(subject);
    let there = registry.client.json("POST", &format!("{path}{query}"), Some(&candidate.body()));
    let there = match there {
        // A registry also looks in other contexts.
        Ok(there) => Some(there).filter(|there| is_in_context_of(there, subject)),
        Err(Failure::Refused(refusal)) if refusal.status == NOT_FOUND => None,
        Err(failure) => return Err(failure.into()),
    };
    if let (None, true) = (&there, args.dry_run) {
        let outcome = compatibility(registry, subject, None, &candidate, IMPACT)?;
        return dry(&outcome, args);
    }
    let is_there = there.is_some();
    let answer = match there {
        Some(there) => there,
        None => {
            let path = format!("{path}/versions{query}");
            let answer = registry.client.json("POST", &path, Some(&candidate.body()))?;
            with_version(registry, subject, &candidate, answer)?
        }
    };
    let (id, version) = (number(&answer, "id"), number(&answer, "version"));
    if args.json {
        pretty(&json!({"subject": subject, "version": version, "id": id, "existed": is_there}))?;
    } else {
        let how = if is_there { "was there already" } else { "registered" };
        say(format!("{subject} version {version}, id {id}: {how}"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn is_in_context_of(answer: &Json, subject: &str) -> bool {
    let found = answer.get("subject").and_then(Json::as_str);
    found.is_none_or(|found| context_of(found) == context_of(subject))
}

/// Older registries answer the id alone.
fn with_version(
    registry: &Registry,
    subject: &str,
    candidate: &Candidate,
    answer: Json,
) -> Result<Json, String> {
    if answer.get("version").is_some() {
        return Ok(answer);
    }
    let query = if candidate.normalize { "?normalize=true" } else { "" };
    let path = format!("{}{query}", subject_path(subject));
    Ok(registry.client.json("POST", &path, Some(&candidate.body()))?)
}

fn dry(outcome: &Outcome, args: &RegisterArgs) -> Result<ExitCode, String> {
    let subject = &args.schema.subject;
    if args.json {
        pretty(&outcome.answer)?;
    } else if outcome.is_compatible {
        say(format!("{subject}: not there yet, would be registered"))?;
    } else {
        say(format!("{subject}: would be refused"))?;
    }
    if !args.json {
        outcome.show()?;
        outcome.impact().map_or(Ok(()), |impact| impact.show())?;
    }
    Ok(outcome.status())
}

/// What a registry says of a schema.
struct Outcome {
    answer: Json,
    is_compatible: bool,
}

impl Outcome {
    fn show(&self) -> Result<(), String> {
        let messages = self.answer.get("messages").and_then(Json::as_array);
        for message in messages.into_iter().flatten() {
            say(format!("  {}", message.as_str().unwrap_or_default()))?;
        }
        Ok(())
    }

    /// What registering means for connectors, where the registry was asked for it and says it.
    fn impact(&self) -> Option<Impact> {
        self.answer.get("impact").cloned().map(Impact)
    }

    fn status(&self) -> ExitCode {
        if self.is_compatible { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// What a registry says of the connectors that use a subject.
struct Impact(Json);

impl Impact {
    fn connectors(&self) -> &[Json] {
        let connectors = self.0.get("connectors").and_then(Json::as_array);
        connectors.map_or(&[], Vec::as_slice)
    }

    /// Why it does not know them, if it does not.
    fn error(&self) -> Option<&str> {
        self.0.get("error").and_then(Json::as_str)
    }

    fn show(&self) -> Result<(), String> {
        if let Some(why) = self.error() {
            say(format!("what it means for connectors is not known: {why}"))?;
        }
        self.connectors().iter().flat_map(impact_lines).try_for_each(say)
    }

    fn breaks_something(&self) -> bool {
        self.connectors().iter().any(breaks)
    }
}

fn breaks(connector: &Json) -> bool {
    connector.get("breaks").and_then(Json::as_bool).unwrap_or_default()
}

/// The status of a check: of a schema that could be registered, also whether connectors would
/// break, if that counts.
fn status_with(
    is_compatible: bool,
    impact: Option<&Impact>,
    args: &CheckArgs,
) -> Result<ExitCode, String> {
    if !is_compatible {
        return Ok(ExitCode::FAILURE);
    }
    if !args.fail_on_impact {
        return Ok(ExitCode::SUCCESS);
    }
    let why = match impact {
        Some(impact) if impact.error().is_none() => {
            let breaks = impact.breaks_something();
            return Ok(if breaks { ExitCode::FAILURE } else { ExitCode::SUCCESS });
        }
        Some(_) => "the registry does not know the connectors now",
        None => "this registry knows no connectors: ask the one of a worker",
    };
    Err(format!("--fail-on-impact: {why}"))
}

/// What becomes of a connector.
fn impact_lines(connector: &Json) -> Vec<String> {
    let text = |name: &str| connector.get(name).and_then(Json::as_str).unwrap_or_default();
    let outcome = if breaks(connector) { "breaks" } else { "goes on" };
    let (kind, name, part, topic) = (text("type"), text("name"), text("part"), text("topic"));
    let mut lines = vec![format!("{kind} connector {name} ({part} of {topic}): {outcome}")];
    let reasons = connector.get("reasons").and_then(Json::as_array);
    let reasons = reasons.into_iter().flatten().filter_map(Json::as_str);
    lines.extend(reasons.map(|reason| format!("  {reason}")));
    lines
}

/// Asks whether a schema goes with a version, or could be registered; `also` is what else is asked.
fn compatibility(
    registry: &Registry,
    subject: &str,
    version: Option<&str>,
    candidate: &Candidate,
    also: &str,
) -> Result<Outcome, Failure> {
    let path = |version: Option<&str>| {
        let version = version.map(|version| format!("/{version}")).unwrap_or_default();
        format!(
            "/compatibility/subjects/{}/versions{version}?verbose=true{also}{}",
            encode_segment(subject),
            if candidate.normalize { "&normalize=true" } else { "" },
        )
    };
    let asked = registry.client.json("POST", &path(version), Some(&candidate.body()));
    let answer = match asked {
        // Not every registry can be asked what registering would come to.
        Err(Failure::Refused(refusal)) if version.is_none() && is_missing(&refusal) => {
            registry.client.json("POST", &path(Some(LATEST)), Some(&candidate.body()))?
        }
        asked => asked?,
    };
    let is_compatible = answer.get("is_compatible").and_then(Json::as_bool).unwrap_or_default();
    Ok(Outcome { answer, is_compatible })
}

/// Checks a schema; 1 when it is not compatible.
pub(super) fn check(registry: &Registry, args: &CheckArgs) -> Result<ExitCode, String> {
    let FileArgs { subject, file, form } = &args.schema;
    let candidate = Candidate::read(file, form)?;
    if args.all_versions {
        return check_all(registry, args, &candidate);
    }
    let version = args.version.as_deref();
    let outcome = compatibility(registry, subject, version, &candidate, IMPACT)?;
    let impact = outcome.impact();
    let status = status_with(outcome.is_compatible, impact.as_ref(), args);
    if args.json {
        pretty(&outcome.answer)?;
        return status;
    }
    let with = match &args.version {
        Some(version) => format!("{subject} version {version}"),
        None => subject.clone(),
    };
    say(format!("{with}: {}", word(outcome.is_compatible)))?;
    outcome.show()?;
    impact.as_ref().map_or(Ok(()), Impact::show)?;
    status
}

fn word(is_compatible: bool) -> &'static str {
    if is_compatible { "compatible" } else { "not compatible" }
}

fn check_all(
    registry: &Registry,
    args: &CheckArgs,
    candidate: &Candidate,
) -> Result<ExitCode, String> {
    let subject = &args.schema.subject;
    let versions: Vec<i32> = registry.get(&format!("{}/versions", subject_path(subject)))?;
    let mut all = Map::new();
    let (mut is_compatible, mut impact) = (true, None);
    for version in versions {
        let version = version.to_string();
        // Whatever it is compared with, it would follow the latest.
        let also = if impact.is_none() { IMPACT } else { "" };
        let mut outcome = compatibility(registry, subject, Some(&version), candidate, also)?;
        is_compatible &= outcome.is_compatible;
        impact = impact.or_else(|| outcome.impact());
        outcome.answer.as_object_mut().and_then(|answer| answer.remove("impact"));
        if args.json {
            all.insert(version, outcome.answer);
        } else {
            say(format!("{subject} version {version}: {}", word(outcome.is_compatible)))?;
            outcome.show()?;
        }
    }
    let status = status_with(is_compatible, impact.as_ref(), args);
    if args.json {
        let mut answer = json!({"is_compatible": is_compatible, "versions": all});
        if let Some(Impact(impact)) = impact {
            answer["impact"] = impact;
        }
        pretty(&answer)?;
    } else {
        impact.as_ref().map_or(Ok(()), Impact::show)?;
    }
    status
}

/// One side of a comparison.
struct Side {
    name: String,
    /// The version as it is registered, if it is.
    version: Option<i32>,
    candidate: Candidate,
}

impl Side {
    fn registered(registry: &Registry, subject: &str, version: &str) -> Result<Self, String> {
        let found: Version = registry.get(&shown_path(subject, version))?;
        Ok(Self {
            name: format!("{subject} version {}", found.version),
            version: (!found.is_deleted()).then_some(found.version),
            candidate: Candidate::of(&found),
        })
    }
}

/// Shows how two schemas differ.
pub(super) fn diff(registry: &Registry, args: &DiffArgs) -> Result<(), String> {
    let DiffArgs { subject, from, to, form } = args;
    let (old, new) = if is_version(from) {
        let to = to.as_deref().unwrap_or(LATEST);
        (
            Side::registered(registry, subject, &from.to_ascii_lowercase())?,
            Side::registered(registry, subject, to)?,
        )
    } else if to.is_some() {
        return Err(format!(
            "{from} is neither a number from 1 on nor latest; a file stands alone"
        ));
    } else {
        let candidate = Candidate::read(Path::new(from), form)?;
        let new = Side { name: from.clone(), version: None, candidate };
        (Side::registered(registry, subject, LATEST)?, new)
    };
    let (old_text, new_text) = (shown(&old.candidate), shown(&new.candidate));
    let difference = text::diff((&old.name, &old_text), (&new.name, &new_text));
    if difference.is_empty() {
        return say(format!("{} and {} are the same", old.name, new.name));
    }
    say(difference.trim_end())?;
    let level = registry.level(subject)?;
    directions(registry, subject, &level, &old, &new)
}

/// A schema with what else makes it differ.
fn shown(candidate: &Candidate) -> String {
    let mut text = format!("type: {}\n", candidate.schema_type);
    for Reference { name, subject, version } in &candidate.references {
        text.push_str(&format!("reference: {name} = {subject} version {version}\n"));
    }
    text + &text::pretty(&candidate.schema)
}

/// A check says whether the schema that is asked for can follow a version that is registered, by
/// the level of the subject: which of the two reads the other's data depends on that.
fn directions(
    registry: &Registry,
    subject: &str,
    level: &str,
    old: &Side,
    new: &Side,
) -> Result<(), String> {
    let (backward, forward) = (level.starts_with("BACKWARD"), level.starts_with("FORWARD"));
    if !backward && !forward && !level.starts_with("FULL") {
        return say(format!("{subject} has the level {level}: the registry compares nothing"));
    }
    let sides = if backward || forward { vec![(new, old), (old, new)] } else { vec![(new, old)] };
    for (asked, registered) in sides {
        let Some(version) = registered.version else { continue };
        let version = version.to_string();
        let outcome = compatibility(registry, subject, Some(&version), &asked.candidate, "")?;
        let readable = if outcome.is_compatible { "reads" } else { "does not read" };
        let (asked, registered) = (&asked.name, &registered.name);
        say(if backward {
            format!("{asked} {readable} what {registered} wrote")
        } else if forward {
            format!("{registered} {readable} what {asked} wrote")
        } else if outcome.is_compatible {
            format!("{asked} and {registered} read what the other one wrote")
        } else {
            format!("{asked} and {registered} do not both read what the other one wrote")
        })?;
        outcome.show()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(schema_type: Option<&str>) -> FormArgs {
        FormArgs {
            schema_type: schema_type.map(str::to_owned),
            reference: Vec::new(),
            normalize: false,
        }
    }

    #[test]
    fn formats_are_told_by_endings() {
        let dir = tempfile::tempdir().unwrap();
        let type_of = |name: &str, given: Option<&str>| {
            let file = dir.path().join(name);
            std::fs::write(&file, "{}").unwrap();
            Candidate::read(&file, &form(given)).map(|candidate| candidate.schema_type)
        };
        assert_eq!(type_of("a.avsc", None).unwrap(), "AVRO");
        assert_eq!(type_of("a.v2.PROTO", None).unwrap(), "PROTOBUF");
        assert_eq!(type_of("a.json", None).unwrap(), "JSON");
        assert_eq!(type_of("a.json", Some("avro")).unwrap(), "AVRO");
        assert!(type_of("a.txt", None).unwrap_err().contains("--type"));
        let gone = Candidate::read(&dir.path().join("gone.avsc"), &form(None));
        assert!(gone.err().unwrap().contains("gone.avsc"));
    }

    #[test]
    fn a_connector_that_breaks_ends_a_check_where_that_is_asked_for() {
        let schema = FileArgs { subject: "s".into(), file: "s.avsc".into(), form: form(None) };
        let mut args = CheckArgs {
            schema,
            version: None,
            all_versions: false,
            fail_on_impact: false,
            json: false,
        };
        let impact = |breaks: bool| Impact(json!({"connectors": [{"breaks": breaks}]}));
        let told = |is_compatible, impact: Option<Impact>, args: &CheckArgs| {
            status_with(is_compatible, impact.as_ref(), args).map(|code| code == ExitCode::SUCCESS)
        };
        assert_eq!(told(true, Some(impact(true)), &args), Ok(true));
        assert_eq!(told(true, None, &args), Ok(true));
        args.fail_on_impact = true;
        assert_eq!(told(true, Some(impact(true)), &args), Ok(false));
        assert_eq!(told(true, Some(impact(false)), &args), Ok(true));
        assert_eq!(told(false, Some(impact(false)), &args), Ok(false));
        // What is not known is no pass.
        let unknown = Impact(json!({"connectors": [], "error": "not yet"}));
        assert!(told(true, Some(unknown), &args).unwrap_err().contains("--fail-on-impact"));
        assert!(told(true, None, &args).unwrap_err().contains("the one of a worker"));
    }

    #[test]
    fn connectors_that_break_are_shown_with_reasons() {
        let connector = json!({"name": "c", "type": "sink", "topic": "t", "part": "value",
            "breaks": true, "reasons": ["the field id is gone"]});
        let expected = ["sink connector c (value of t): breaks", "  the field id is gone"];
        assert_eq!(impact_lines(&connector), expected);
        let other = json!({"name": "c", "type": "source", "topic": "t", "part": "key"});
        assert_eq!(impact_lines(&other), ["source connector c (key of t): goes on"]);
    }
}
