//! The file of users and of what each may do with which subjects.
//!
//! ```json
//! {
//!   "users": [
//!     {"username": "alice", "password": "…"},
//!     {"username": "ci", "token_sha256": "…"}
//!   ],
//!   "permissions": [
//!     {"username": "alice", "operation": ["Read", "Write"], "resource": "Subject:orders-*"},
//!     {"username": "*", "operation": "Read", "resource": "Subject:public-*"}
//!   ]
//! }
//! ```

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use gantry_schema_registry::{Grant, Operation, Resource, Rights};
use serde_json::{Map, Value as Json};
use subtle::ConstantTimeEq;

use crate::files::read;
use crate::rest::{Fingerprint, fingerprint};
use crate::worker_config::RIGHTS_FILE;

/// How often it is looked at.
const INTERVAL: Duration = Duration::from_secs(1);
/// The user name of permissions that everybody has who is known.
const EVERYBODY: &str = "*";
/// The operation that stands for all.
const ALL: &str = "All";

/// What tells one state of a file from another: when it was changed, its size, and which it is.
type Stamp = (i64, i64, i64, i64, u64, u64);

/// A rights file, as it was when it could be read last.
#[derive(Debug)]
pub(crate) struct RightsFile {
    path: PathBuf,
    /// Whether there are users that the file does not list.
    has_others: bool,
    table: RwLock<Arc<Table>>,
    seen: Mutex<Option<Stamp>>,
}

/// What a rights file says.
pub(crate) struct Table {
    passwords: HashMap<String, Vec<Fingerprint>>,
    tokens: HashMap<Fingerprint, String>,
    rights: HashMap<String, Arc<Rights>>,
    of_everybody: Arc<Rights>,
}

impl std::fmt::Debug for Table {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table").field("rights", &self.rights).finish_non_exhaustive()
    }
}

impl Table {
    /// What a user may do.
    pub(crate) fn rights_of(&self, user: &str) -> Arc<Rights> {
        Arc::clone(self.rights.get(user).unwrap_or(&self.of_everybody))
    }

    /// Whether a password is the user's. Takes the same time whatever is wrong.
    pub(crate) fn has_password(&self, user: &str, given: &Fingerprint) -> bool {
        let unknown = [Fingerprint::default()];
        let (wanted, is_known) = match self.passwords.get(user) {
            Some(wanted) => (wanted.as_slice(), true),
            None => (unknown.as_slice(), false),
        };
        wanted.iter().fold(false, |is_it, wanted| is_it | bool::from(wanted.ct_eq(given)))
            && is_known
    }

    /// Whose token it is.
    pub(crate) fn user_of_token(&self, token: &str) -> Option<&str> {
        self.tokens.get(&fingerprint(token)).map(String::as_str)
    }
}

impl RightsFile {
    /// Reads the file. The error names key, file, entry and reason.
    pub(crate) fn open(path: &Path, has_others: bool) -> Result<Self, String> {
        let seen = stamp(path);
        let table = parse_file(path, has_others)?;
        Ok(Self {
            path: path.to_owned(),
            has_others,
            table: RwLock::new(Arc::new(table)),
            seen: Mutex::new(seen),
        })
    }

    /// What it says now.
    pub(crate) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the file when it has changed, until it is dropped.
    pub(crate) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let file = Arc::clone(&self);
            // The file may be on a disk that does not answer.
            if tokio::task::spawn_blocking(move || file.look_again()).await.is_err() {
                return;
            }
        }
    }

    /// Reads the file if it has changed. One that is wrong changes nothing.
    pub(crate) fn look_again(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.path);
        if *seen == now {
            return;
        }
        *seen = now;
        match parse_file(&self.path, self.has_others) {
            Ok(table) => {
                tracing::info!("{RIGHTS_FILE}={}: read again", self.path.display());
                *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
            }
            Err(why) => tracing::error!("what was read before still holds: {why}"),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let of = fs::metadata(path).ok()?;
    Some((of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec(), of.size(), of.ino()))
}

fn parse_file(path: &Path, has_others: bool) -> Result<Table, String> {
    let text = read(path).map_err(|why| format!("{RIGHTS_FILE}: {why}"))?;
    parse(&text, has_others).map_err(|why| format!("{RIGHTS_FILE}={}: {why}", path.display()))
}

/// What the text of a rights file says. Messages have no values in them that may be secrets.
fn parse(text: &[u8], has_others: bool) -> Result<Table, String> {
    let json: Json = serde_json::from_slice(text).map_err(|error| format!("no JSON: {error}"))?;
    let Json::Object(file) = json else {
        return Err("no JSON object; write {\"users\": […], \"permissions\": […]}".to_owned());
    };
    only(&file, &["users", "permissions"])?;
    let mut table = Table {
        passwords: HashMap::new(),
        tokens: HashMap::new(),
        rights: HashMap::new(),
        of_everybody: Arc::new(Rights::new(Vec::new())),
    };
    for (number, entry) in entries(&file, "users")?.iter().enumerate() {
        user(&mut table, entry).map_err(|why| format!("users[{number}]: {why}"))?;
    }
    let mut grants: HashMap<String, Vec<Grant>> = HashMap::new();
    for (number, entry) in entries(&file, "permissions")?.iter().enumerate() {
        let (user, granted) = permission(entry)
            .and_then(|found| known(&table, has_others, found))
            .map_err(|why| format!("permissions[{number}]: {why}"))?;
        grants.entry(user).or_default().extend(granted);
    }
    let of_everybody = grants.remove(EVERYBODY).unwrap_or_default();
    for (user, mut own) in grants {
        own.extend_from_slice(&of_everybody);
        table.rights.insert(user, Arc::new(Rights::new(own)));
    }
    table.of_everybody = Arc::new(Rights::new(of_everybody));
    Ok(table)
}

fn entries<'a>(file: &'a Map<String, Json>, name: &str) -> Result<&'a [Json], String> {
    match file.get(name) {
        None => Ok(&[]),
        Some(Json::Array(entries)) => Ok(entries),
        Some(_) => Err(format!("{name} is no list")),
    }
}

fn only(object: &Map<String, Json>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => {
            Err(format!("there is no member {unknown}; there are {}", known.join(", ")))
        }
        None => Ok(()),
    }
}

fn object<'a>(entry: &'a Json, known: &[&str]) -> Result<&'a Map<String, Json>, String> {
    let Json::Object(object) = entry else { return Err("it is no object".to_owned()) };
    only(object, known)?;
    Ok(object)
}

/// A text that is not empty, if it is there.
fn text<'a>(object: &'a Map<String, Json>, name: &str) -> Result<Option<&'a str>, String> {
    match object.get(name) {
        None => Ok(None),
        Some(Json::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(format!("{name} is no text, or an empty one")),
    }
}

fn username(object: &Map<String, Json>) -> Result<String, String> {
    text(object, "username")?.map(str::to_owned).ok_or_else(|| "it has no username".to_owned())
}

/// A secret, as it is or as the SHA-256 of it in hexadecimal digits.
fn secret(object: &Map<String, Json>, name: &str) -> Result<Option<Fingerprint>, String> {
    let hashed = format!("{name}_sha256");
    match (text(object, name)?, text(object, &hashed)?) {
        (Some(_), Some(_)) => Err(format!("it has both {name} and {hashed}; keep one")),
        (Some(plain), None) => Ok(Some(fingerprint(plain))),
        (None, Some(digits)) => {
            let bytes = crate::hex::decode(digits);
            let bytes = bytes.and_then(|bytes| Fingerprint::try_from(bytes.as_slice()).ok());
            bytes.map(Some).ok_or_else(|| {
                format!("{hashed} is no SHA-256; write 64 hexadecimal digits, as sha256sum does")
            })
        }
        (None, None) => Ok(None),
    }
}

fn user(table: &mut Table, entry: &Json) -> Result<(), String> {
    let known = ["username", "password", "password_sha256", "token", "token_sha256"];
    let object = object(entry, &known)?;
    let name = username(object)?;
    if name == EVERYBODY || name.contains(':') {
        return Err(format!("{name} cannot be a user: * is everybody, and a : ends a user's name"));
    }
    let (password, token) = (secret(object, "password")?, secret(object, "token")?);
    if password.is_none() && token.is_none() {
        return Err(format!("{name} has neither a password nor a token"));
    }
    if let Some(password) = password {
        table.passwords.entry(name.clone()).or_default().push(password);
    }
    if let Some(token) = token
        && table.tokens.insert(token, name.clone()).is_some_and(|other| other != name)
    {
        return Err(format!("{name} has the token of another user; give each its own"));
    }
    Ok(())
}

/// One text or a list of them.
fn texts<'a>(object: &'a Map<String, Json>, name: &str) -> Result<Vec<&'a str>, String> {
    let found: Option<Vec<&str>> = match object.get(name) {
        Some(Json::Array(list)) => list.iter().map(Json::as_str).collect(),
        Some(Json::String(text)) => Some(vec![text]),
        _ => None,
    };
    found
        .filter(|texts| !texts.is_empty())
        .ok_or_else(|| format!("{name} is neither a text nor a list of texts"))
}

fn permission(entry: &Json) -> Result<(String, Vec<Grant>), String> {
    let object = object(entry, &["username", "operation", "resource"])?;
    let user = username(object)?;
    let mut operations = Vec::new();
    for name in texts(object, "operation")? {
        match Operation::named(name) {
            Some(operation) => operations.push(operation),
            None if name.eq_ignore_ascii_case(ALL) => operations.extend(Operation::ALL),
            None => {
                let known = Operation::ALL.map(Operation::name).join(", ");
                return Err(format!("there is no operation {name}; write {known} or {ALL}"));
            }
        }
    }
    let grant = |resource| {
        let resource = Resource::parse(resource)?;
        Ok(Grant { operations: operations.clone(), resource })
    };
    let grants: Result<Vec<Grant>, String> =
        texts(object, "resource")?.into_iter().map(grant).collect();
    Ok((user, grants?))
}

/// Refuses a name that nobody has.
fn known(
    table: &Table,
    has_others: bool,
    (user, grants): (String, Vec<Grant>),
) -> Result<(String, Vec<Grant>), String> {
    let is_known = has_others
        || user == EVERYBODY
        || table.passwords.contains_key(&user)
        || table.tokens.values().any(|known| *known == user);
    if is_known {
        return Ok((user, grants));
    }
    Err(format!("there is no user {user}; list it under users"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        parse(text.as_bytes(), false).err().unwrap_or_else(|| panic!("{text} was taken"))
    }

    #[test]
    fn wrong_entries_are_named_and_secrets_are_not_shown() {
        for (text, named) in [
            ("{", "no JSON"),
            ("[]", "no JSON object"),
            (r#"{"user":[]}"#, "no member user;"),
            (r#"{"users":{}}"#, "users is no list"),
            (r#"{"users":[{"username":"a","password":"secret"},{"username":"b"}]}"#, "users[1]: b"),
            (r#"{"users":[{"password":"secret"}]}"#, "users[0]: it has no username"),
            (r#"{"users":[{"username":"a","password":7241}]}"#, "users[0]: password is no text"),
            (r#"{"users":[{"username":"a","pasword":"secret"}]}"#, "no member pasword"),
            (r#"{"users":[{"username":"a","token_sha256":"secret"}]}"#, "no SHA-256"),
            (r#"{"users":[{"username":"a:b","password":"secret"}]}"#, "a:b cannot be a user"),
            (
                r#"{"users":[{"username":"a","token":"secret"},{"username":"b","token":"secret"}]}"#,
                "users[1]: b has the token",
            ),
            (
                r#"{"permissions":[{"username":"x","operation":"Read","resource":"*"}]}"#,
                "permissions[0]: there is no user x",
            ),
            (
                r#"{"permissions":[{"username":"*","operation":"Reed","resource":"*"}]}"#,
                "no operation Reed; write Read, Write, Delete, ReadCompatibility, WriteCompatibility or All",
            ),
            (
                r#"{"permissions":[{"username":"*","operation":"Read","resource":"orders"}]}"#,
                "orders is no resource",
            ),
            (
                r#"{"permissions":[{"username":"*","operation":[],"resource":"*"}]}"#,
                "operation is neither",
            ),
        ] {
            let why = refused(text);
            assert!(why.contains(named), "{text}: {why}");
            assert!(!why.contains("secret") && !why.contains("7241"), "{why}");
        }
    }

    #[test]
    fn users_have_passwords_tokens_and_rights() {
        let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
        let text = format!(
            r#"{{"users":[
                {{"username":"a","password":"p"}}, {{"username":"a","password_sha256":"{hash}"}},
                {{"username":"b","token":"t"}}],
              "permissions":[
                {{"username":"a","operation":"All","resource":["Global","Subject:x"]}},
                {{"username":"*","operation":"Read","resource":"Subject:y"}}]}}"#
        );
        let table = parse(text.as_bytes(), false).unwrap();
        for (user, password, is_it) in [
            ("a", "p", true),
            ("a", "secret", true),
            ("a", "x", false),
            ("b", "p", false),
            ("", "", false),
        ] {
            assert_eq!(
                table.has_password(user, &fingerprint(password)),
                is_it,
                "{user} {password}"
            );
        }
        assert_eq!(table.user_of_token("t"), Some("b"));
        assert_eq!(table.user_of_token("p"), None);
        assert_ne!(table.rights_of("a"), table.rights_of("b"));
        assert_eq!(table.rights_of("b"), table.rights_of("of another file"));
        assert!(!format!("{table:?}").contains(hash));
    }

    #[test]
    fn a_changed_file_is_read_again_and_a_wrong_one_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rights.json");
        let write = |text: &str| fs::write(&path, text).unwrap();
        write(r#"{"users":[{"username":"a","password":"one"}]}"#);
        let file = RightsFile::open(&path, false).unwrap();
        let knows = |password: &str| file.table().has_password("a", &fingerprint(password));
        assert!(knows("one"));
        write(r#"{"users":[{"username":"a","password":"second"}]}"#);
        file.look_again();
        assert!(knows("second") && !knows("one"));
        write("{");
        file.look_again();
        assert!(knows("second"));
        fs::remove_file(&path).unwrap();
        file.look_again();
        assert!(knows("second"));
        write("{}");
        file.look_again();
        assert!(!knows("second"));
        let missing = RightsFile::open(Path::new("/nope"), false).unwrap_err();
        assert!(
            missing.contains("gantry.schema.registry.rights.file") && missing.contains("/nope")
        );
    }
}
