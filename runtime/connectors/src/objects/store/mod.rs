//! Where objects go: a bucket of S3, or a directory.

mod assume_role;
mod credentials;
mod directory;
mod http;
mod s3;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

use gantry_api::{CancellationToken, Error, Props, Result, SinkTaskContext};
use gantry_tls::Secret;
use object_store::path::Path;

pub(super) use credentials::{Credentials, Role};
pub(super) use s3::S3;
pub(super) use upload::Upload;

use directory::Directory;

/// The store may need so long to say whether it is there; else it is seen at the first object.
const CHECK_TIME: Duration = Duration::from_secs(20);

/// Reads the keys of a task, and opens its store. `None`: the task was stopped meanwhile. An error only if nothing but a
/// change of the configuration, or of rights, helps.
pub(super) async fn open<C: Send + 'static>(
    context: &SinkTaskContext,
    props: &Props,
    parse: fn(&Props) -> Result<C>,
    settings: fn(&C) -> &StoreSettings,
) -> Result<Option<(C, Store)>> {
    let props = props.clone();
    let owner = format!("{}-{}-{}", context.task, context.epoch.generation, context.epoch.claim);
    // Reads certificates, and perhaps a file of credentials.
    let made = tokio::task::spawn_blocking(move || {
        let config = parse(&props)?;
        let store = Store::new(settings(&config), &owner)?;
        Ok::<_, Error>((config, store))
    });
    let (config, store) = made.await.map_err(|error| Error::connect(error.to_string()))??;
    let checked = tokio::select! {
        () = context.cancel.cancelled() => return Ok(None),
        checked = tokio::time::timeout(CHECK_TIME, store.check()) => checked,
    };
    match checked {
        Ok(Ok(())) => {}
        Ok(Err(Fault::Never(error))) => return Err(error),
        Ok(Err(fault)) => {
            tracing::warn!(connector = %context.connector, error = %fault.into_error(), "the store is away; going on");
        }
        Err(_) => {
            tracing::warn!(connector = %context.connector, "the store does not answer; going on");
        }
    }
    Ok(Some((config, store)))
}

/// What is wrong with a request, and what helps.
#[derive(Debug)]
pub(super) enum Fault {
    /// Doing the same again may help: a server that is away, or too busy; a full disk.
    Again(Error),
    /// The store has forgotten what was uploaded of an object: it has to be written from its beginning.
    Lost(Error),
    /// Only a change of the configuration, or of rights, helps.
    Never(Error),
}

impl Fault {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Again(error) | Self::Lost(error) => error,
            Self::Never(error) => error,
        }
    }
}

/// How objects are encrypted where they lie.
#[derive(Clone, Debug)]
pub(super) enum Encryption {
    None,
    Aes256,
    /// By a key of the key management service, or by its usual one.
    Kms(Option<String>),
    /// By this key, in base 64, which the store does not keep.
    Customer(Secret),
}

/// A proxy between here and the store.
#[derive(Clone, Debug)]
pub(super) struct ProxySettings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
}

/// A bucket and how it is reached.
#[derive(Clone, Debug)]
pub(super) struct S3Settings {
    pub(super) bucket: String,
    pub(super) region: String,
    /// None: Amazon's own for the region.
    pub(super) endpoint: Option<String>,
    pub(super) path_style: bool,
    /// Amazon's accelerated endpoint.
    pub(super) accelerated: bool,
    pub(super) credentials: Credentials,
    pub(super) encryption: Encryption,
    /// Whether parts are sent with a digest.
    pub(super) digests: bool,
    pub(super) acl: Option<String>,
    pub(super) proxy: Option<ProxySettings>,
    pub(super) retries: usize,
    pub(super) backoff: Duration,
    pub(super) backoff_max: Duration,
    /// A trust store in PEM besides the system's certificates.
    pub(super) trust_file: Option<String>,
}

/// Which store.
#[derive(Clone, Debug)]
pub(super) enum StoreSettings {
    S3(Box<S3Settings>),
    /// Objects are files below the second, which is made within the first.
    Directory(PathBuf, String),
}

/// A store, ready for use.
#[derive(Clone, Debug)]
pub(super) enum Store {
    S3(S3),
    Directory(Directory),
}

impl Store {
    /// Connects nowhere yet. `owner` tells temporary files of different owners apart.
    pub(super) fn new(settings: &StoreSettings, owner: &str) -> Result<Self> {
        Ok(match settings {
            StoreSettings::S3(settings) => Self::S3(S3::new(settings)?),
            StoreSettings::Directory(root, bucket) => {
                Self::Directory(Directory::new(root, bucket, owner))
            }
        })
    }

    /// Whether there is such a bucket or directory.
    pub(super) async fn check(&self) -> Result<(), Fault> {
        match self {
            Self::S3(s3) => s3.check().await,
            Self::Directory(directory) => directory.check().await,
        }
    }

    /// How many bytes are sent at once at least, but for the last of an object.
    pub(super) fn part_bytes(&self, wanted: usize) -> usize {
        match self {
            Self::S3(_) => wanted,
            Self::Directory(_) => wanted.min(directory::BLOCK_BYTES),
        }
    }

    /// Gives an object tags; a file has none.
    pub(super) async fn tag(&self, key: &str, tags: &[(String, String)]) -> Result<(), Fault> {
        match self {
            Self::S3(s3) => s3.tag(&object_path(key)?, tags).await,
            Self::Directory(_) => Ok(()),
        }
    }
}

/// Waits for the store, but no longer than the task runs.
pub(super) async fn unless_stopped(
    cancel: &CancellationToken,
    work: impl Future<Output = Result<(), Fault>>,
) -> Result<(), Fault> {
    tokio::select! {
        biased;
        done = work => done,
        () = cancel.cancelled() => {
            Err(Fault::Again(Error::retriable("the task was stopped before the store had answered")))
        }
    }
}

/// A key as the store takes it. Names that would lead out of the bucket or the directory are refused.
fn object_path(key: &str) -> Result<Path, Fault> {
    check_key(key).map_err(Fault::Never)
}

/// Whether an object can have that name.
pub(super) fn check_key(key: &str) -> Result<Path> {
    Path::parse(key).map_err(|error| {
        Error::data(format!(
            "{key:?} cannot be the name of an object: parts between slashes must not be empty, . or .., and control \
             characters are not allowed ({error})"
        ))
    })
}
