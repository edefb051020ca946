//! What may be written behind `gantry schema`.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::model::Reference;
use crate::cli::args::WorkerUrl;

#[derive(Debug, Args)]
#[command(mut_arg("url", |arg| arg.visible_alias("to").help(
    "The registry's REST address [default: http://127.0.0.1:8081]"
)))]
#[command(after_help = "\
Examples:
  gantry schema list --prefix orders
  gantry schema show orders-value --version 3
  gantry schema register orders-value order.avsc --reference Address=address-value:1
  gantry schema check orders-value order.avsc
      exit status 0 when it could be registered, 1 when not
  gantry schema diff orders-value 3 4
  gantry schema delete orders-value --version 3 --permanent
  gantry schema export --url https://old:8081 --user-file ~/.old-user schemas.jsonl
  gantry schema import --from schemas.jsonl --to http://127.0.0.1:8081
  gantry schema import --from http://old:8081 --to http://127.0.0.1:8081

The registry may be Gantry's, Confluent's, Karapace or Apicurio (--url http://HOST/apis/ccompat/v7).
A subject of another context is written :.CONTEXT:SUBJECT.")]
pub(in crate::cli) struct SchemaArgs {
    #[command(flatten)]
    pub(super) registry: WorkerUrl,
    #[command(subcommand)]
    pub(super) command: SchemaCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum SchemaCommand {
    /// List subjects with their latest versions
    List(ListArgs),
    /// Print a schema
    Show(ShowArgs),
    /// Register a schema
    #[command(after_help = "\
Examples:
  gantry schema register orders-value order.avsc
  gantry schema register orders-value order.proto --reference common.proto=common:2
  gantry schema register orders-value order.avsc --dry-run
      whether it is there, or could be registered; exit status 1 when it could not")]
    Register(RegisterArgs),
    /// Check whether a schema goes with the versions that are registered
    #[command(after_help = "\
Examples:
  gantry schema check orders-value order.avsc
      as registering would check it
  gantry schema check orders-value order.avsc --all-versions
      against each version, whatever the level says

The exit status is 0 when it is compatible, 1 when it is not or nothing can be said, 2 for a wrong
command line.")]
    Check(CheckArgs),
    /// Show how two versions, or the latest and a file, differ
    #[command(after_help = "\
Examples:
  gantry schema diff orders-value 3 4
  gantry schema diff orders-value 3 latest
  gantry schema diff orders-value order.avsc           the latest version and a file")]
    Diff(DiffArgs),
    /// Delete a subject or one of its versions
    #[command(after_help = "\
What is deleted can still be found by its id, as long as it is not deleted with --permanent.")]
    Delete(DeleteArgs),
    /// Write all schemas, configs and modes of all contexts, in the form of Confluent's topic
    #[command(after_help = "\
Each line is {\"key\":{…},\"value\":{…}}: a record of the topic _schemas. What a schema refers to
stands before it, soft-deleted versions are marked as such.
The REST API does not list configs and modes of subjects that have no version: those are left out.")]
    Export(ExportArgs),
    /// Bring all schemas of another registry here, with their ids, versions and deleted states
    #[command(after_help = "\
Examples:
  gantry schema import --from schemas.jsonl --to http://127.0.0.1:8081
  gantry schema import --from https://old:8081 --from-user-file ~/.old-user
  kafka-console-consumer --topic _schemas --from-beginning --property print.key=true \\
      --bootstrap-server old:9092 --timeout-ms 20000 > schemas.tsv
  gantry schema import --from schemas.tsv

The target is in IMPORT mode meanwhile, and its mode is put back afterwards, also when the import
fails. What is there under the same id and version is passed over, so that a run that broke off is
simply repeated. A target that holds anything else needs --force; what contradicts the source
(another id or another schema under the same version) is refused with --force as well.
The exit status is 0 when the target has all of the source at the end.")]
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only subjects that begin so
    #[arg(long, value_name = "TEXT")]
    pub(super) prefix: Option<String>,
    /// Also subjects of which all versions are deleted
    #[arg(long)]
    pub(super) deleted: bool,
    /// Only this context; without it, all of them
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<String>,
    /// Print them as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("which").required(true).args(["subject", "id"]))]
pub(super) struct ShowArgs {
    /// The subject
    pub(super) subject: Option<String>,
    /// The version: a number or latest
    #[arg(long, value_name = "N", default_value = "latest", value_parser = version, conflicts_with = "id")]
    pub(super) version: String,
    /// The id, instead of a subject
    #[arg(long, value_name = "N")]
    pub(super) id: Option<u32>,
    /// The context of the id; without it, the default one
    #[arg(long, value_name = "NAME", requires = "id")]
    pub(super) context: Option<String>,
    /// Print the registry's answer as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// A schema in a file.
#[derive(Debug, Args)]
pub(super) struct FileArgs {
    /// The subject
    pub(super) subject: String,
    /// The file with the schema; - is standard input
    pub(super) file: PathBuf,
    #[command(flatten)]
    pub(super) form: FormArgs,
}

/// What a file does not say of its schema.
#[derive(Debug, Args)]
pub(super) struct FormArgs {
    /// The format; without it, what the ending of the file says: .avsc, .proto or .json
    #[arg(long = "type", value_name = "TYPE", ignore_case = true,
          value_parser = PossibleValuesParser::new(["AVRO", "PROTOBUF", "JSON"]))]
    pub(super) schema_type: Option<String>,
    /// What the schema refers to: the name that it has there, and where it is registered; may be
    /// given more than once
    #[arg(long, value_name = "NAME=SUBJECT:VERSION", value_parser = reference)]
    pub(super) reference: Vec<Reference>,
    /// Let the registry normalize the schema
    #[arg(long)]
    pub(super) normalize: bool,
}

#[derive(Debug, Args)]
pub(super) struct RegisterArgs {
    #[command(flatten)]
    pub(super) schema: FileArgs,
    /// Only say what would become of it
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub(super) schema: FileArgs,
    /// Against this version alone: a number or latest
    #[arg(long, value_name = "N", value_parser = version)]
    pub(super) version: Option<String>,
    /// Against each version
    #[arg(long, conflicts_with = "version")]
    pub(super) all_versions: bool,
    /// Fail also when a connector would break
    #[arg(long)]
    pub(super) fail_on_impact: bool,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// The subject
    pub(super) subject: String,
    /// A version (a number or latest), or a file, which is compared with the latest version
    #[arg(value_name = "VERSION|FILE")]
    pub(super) from: String,
    /// Another version; without it, the latest
    #[arg(value_name = "VERSION", value_parser = version)]
    pub(super) to: Option<String>,
    #[command(flatten)]
    pub(super) form: FormArgs,
}

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The subject
    pub(super) subject: String,
    /// Only this version: a number or latest
    #[arg(long, value_name = "N", value_parser = version)]
    pub(super) version: Option<String>,
    /// Delete for good: ids are no longer found
    #[arg(long)]
    pub(super) permanent: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(super) yes: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Where to write; - is standard output
    #[arg(value_name = "FILE", default_value = "-")]
    pub(super) file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// A registry's address, an export, or what kafka-console-consumer printed of the topic
    /// _schemas; - is standard input
    #[arg(long, value_name = "URL|FILE")]
    pub(super) from: String,
    /// Import into a target that holds other schemas
    #[arg(long)]
    pub(super) force: bool,
    /// A user and password for --from, if it asks for them
    #[arg(long, value_name = "NAME:PASSWORD", env = "GANTRY_FROM_USER", hide_env_values = true)]
    pub(super) from_user: Option<String>,
    /// A file whose first line is NAME:PASSWORD for --from
    #[arg(long, value_name = "FILE")]
    pub(super) from_user_file: Option<PathBuf>,
    /// Trust the certificates of this PEM file for --from
    #[arg(long, value_name = "FILE")]
    pub(super) from_cacert: Option<PathBuf>,
    /// A certificate to show to --from, as PEM
    #[arg(long, value_name = "FILE")]
    pub(super) from_cert: Option<PathBuf>,
    /// Its private key as PEM, if not in the same file
    #[arg(long, value_name = "FILE")]
    pub(super) from_cert_key: Option<PathBuf>,
}

impl ImportArgs {
    /// How to speak to the source, if it is a registry.
    pub(super) fn source(&self) -> Option<WorkerUrl> {
        let is_url = self.from.starts_with("http://") || self.from.starts_with("https://");
        is_url.then(|| WorkerUrl {
            url: Some(self.from.clone()),
            cacert: self.from_cacert.clone(),
            user: self.from_user.clone(),
            user_file: self.from_user_file.clone(),
            cert: self.from_cert.clone(),
            cert_key: self.from_cert_key.clone(),
            cert_key_password: None,
        })
    }
}

/// A version as the REST API takes it.
fn version(text: &str) -> Result<String, String> {
    let number = text.parse::<i32>().ok().filter(|number| *number > 0);
    match number {
        Some(number) => Ok(number.to_string()),
        None if text.eq_ignore_ascii_case("latest") => Ok("latest".to_owned()),
        None => Err("write a number from 1 on, or latest".to_owned()),
    }
}

/// Whether a text is a version and no file.
pub(super) fn is_version(text: &str) -> bool {
    version(text).is_ok()
}

/// `NAME=SUBJECT:VERSION`; a name may hold `=`, as addresses do, a subject `:`.
fn reference(text: &str) -> Result<Reference, String> {
    let wrong = || "write NAME=SUBJECT:VERSION".to_owned();
    let (name, target) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (subject, number) = target.rsplit_once(':').ok_or_else(wrong)?;
    if name.is_empty() || subject.is_empty() {
        return Err(wrong());
    }
    // The REST API knows the latest by this number.
    let version = version(number)?.parse().unwrap_or(-1);
    Ok(Reference { name: name.to_owned(), subject: subject.to_owned(), version })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_from_the_end() {
        let of = |text: &str| reference(text).map(|r| (r.name, r.subject, r.version));
        let parts = |name: &str, subject: &str, n| Ok((name.to_owned(), subject.to_owned(), n));
        assert_eq!(of("a.proto=a:2"), parts("a.proto", "a", 2));
        assert_eq!(of("http://x/y?z=1=:.c:s:latest"), parts("http://x/y?z=1", ":.c:s", -1));
        for wrong in ["", "a", "a=b", "a=b:", "a=b:0", "=b:1", "a=:1", "a=b:x"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn versions_are_numbers_or_the_latest() {
        assert_eq!(version("LATEST").unwrap(), "latest");
        assert_eq!(version("07").unwrap(), "7");
        assert!(!is_version("0") && !is_version("-1") && !is_version("order.avsc"));
    }
}
