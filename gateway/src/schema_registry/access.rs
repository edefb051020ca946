//! Who may use the registry: users of the rights file and those of the REST API, told by a
//! password or by a token.

use std::sync::Arc;

use axum::http::HeaderMap;
use gantry_schema_registry::Rights;

use super::rights_file::RightsFile;
use crate::rest::{BasicAuth, Credentials, authorization};
use crate::worker_config::RegistrySettings;

/// Who may use the registry.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    rest: Option<Arc<BasicAuth>>,
    pub(super) file: Option<Arc<RightsFile>>,
    /// What asks for a password.
    pub(super) realm: String,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// Nobody known sends it.
    Unknown,
    /// Who sends it has no role that is let in.
    Refused,
    /// It is let in, to do so much.
    With(Arc<Rights>),
}

impl Access {
    /// Reads the rights file. None if everybody may do everything.
    pub(crate) fn open(
        settings: &RegistrySettings,
        rest: Option<&Arc<BasicAuth>>,
    ) -> Result<Option<Self>, String> {
        let file = settings.rights_file.as_deref();
        let file = file.map(|path| RightsFile::open(path, rest.is_some())).transpose()?;
        if file.is_none() && rest.is_none() {
            return Ok(None);
        }
        let realm = settings.realm.clone();
        Ok(Some(Self { rest: rest.cloned(), file: file.map(Arc::new), realm }))
    }

    /// What may be done by who sends a request with these headers.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Admission {
        let table = self.file.as_ref().map(|file| file.table());
        if let Some(table) = &table {
            let token = authorization(headers, "bearer").map(str::trim);
            if let Some(user) = token.and_then(|token| table.user_of_token(token)) {
                return Admission::With(table.rights_of(user));
            }
            if let Some(given) = Credentials::of(headers)
                && table.has_password(&given.user, &given.fingerprint())
            {
                return Admission::With(table.rights_of(&given.user));
            }
        }
        match self.rest.as_ref().and_then(|rest| rest.user(headers)) {
            None => Admission::Unknown,
            Some(user) if !user.has_role => Admission::Refused,
            Some(user) => Admission::With(match table {
                Some(table) => table.rights_of(&user.name),
                None => Arc::new(Rights::ALL),
            }),
        }
    }
}
