//! The registry: what can be asked of it and what can be changed.

use std::sync::Arc;

use gantry_log::FullLog;
use serde_json::Value as Json;

use crate::config::{Config, Level, Mode};
use crate::error::RegistryError;
use crate::model::{Metadata, RuleSet, Schema, SchemaBody};
use crate::names::is_valid;
use crate::rights::Rights;
use crate::rules::configs::{self, ConfigUpdate};
use crate::rules::lookup::{self, Found, Options};
use crate::rules::request::SchemaRequest;
use crate::rules::{Verdict, delete, modes, register, tags};
use crate::settings::Settings;
use crate::shared::Shared;
use crate::store::Store;

/// A schema registry on one topic of a log.
///
/// Every node that has the log opens its own: all take writes, none leads.
#[derive(Debug)]
pub struct Registry {
    store: Store,
    pub(crate) shared: Arc<Shared>,
}

/// How tags, metadata and rules of a version are to change.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagRequest {
    pub(crate) new_version: Option<i32>,
    pub(crate) to_add: Vec<Json>,
    pub(crate) to_remove: Vec<Json>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) rule_set: Option<RuleSet>,
    pub(crate) rules_to_merge: Option<RuleSet>,
    pub(crate) rules_to_remove: Option<Vec<String>>,
}

impl Registry {
    /// Opens the registry that is kept in the topic that `settings` names; the topic is made if
    /// it is not there. Returns when all of it is known. To be called on a tokio runtime.
    pub async fn open(
        log: Arc<dyn FullLog>,
        settings: Settings,
    ) -> Result<Arc<Self>, RegistryError> {
        if Level::named(&settings.compatibility_level).is_none() {
            return Err(RegistryError::invalid_compatibility());
        }
        let shared = Arc::new(Shared::new(settings));
        let store = Store::open(log, Arc::clone(&shared)).await?;
        Ok(Arc::new(Self { store, shared }))
    }

    /// Waits until this node knows all that is in the topic now.
    pub async fn catch_up(&self) -> Result<(), RegistryError> {
        self.store.reach.catch_up().await
    }

    /// The same for something that was not found, as far as it can be.
    pub(crate) async fn catch_up_on_a_miss(&self) {
        self.store.misses.catch_up().await;
    }

    /// Registers a schema. The answer tells what counts, whoever was first.
    pub(crate) async fn register(
        &self,
        subject: &str,
        mut request: SchemaRequest,
        normalize: bool,
    ) -> Result<SchemaBody, RegistryError> {
        if !self.shared.settings.rule_sets {
            request.rule_set = None;
        }
        request.rule_set.as_ref().map_or(Ok(()), RuleSet::validate)?;
        if !is_valid(subject, false) {
            return Err(RegistryError::invalid_subject(subject));
        }
        let normalize = normalize || self.shared.config_in_scope(subject).normalize == Some(true);
        if let Some(found) = register::existing(&self.shared, subject, &request, normalize)? {
            return Ok(registered(&found));
        }
        let judge = |shared: &Shared| register::register(shared, subject, &request, normalize);
        let schema = self.store.write(subject, judge).await?;
        Ok(registered(&Found::Same(Box::new(schema))))
    }

    /// Looks a schema up where it may be seen.
    pub(crate) fn look_up(
        &self,
        subject: &str,
        request: &SchemaRequest,
        options: Options,
        rights: &Rights,
    ) -> Result<Found, RegistryError> {
        let normalize =
            options.normalize || self.shared.config_in_scope(subject).normalize == Some(true);
        let options = Options { normalize, ..options };
        let asked = request.to_schema(subject);
        let found = lookup::find_anywhere(&self.shared, &asked, options, rights)?;
        found.ok_or_else(|| {
            if self.shared.state().has_subjects(Some(subject), options.deleted) {
                RegistryError::schema_not_found()
            } else {
                RegistryError::subject_not_found(subject)
            }
        })
    }

    /// Changes tags, metadata and rules of a version, as a new version.
    pub(crate) async fn change_tags(
        &self,
        subject: &str,
        base: &Schema,
        mut request: TagRequest,
    ) -> Result<SchemaBody, RegistryError> {
        if !self.shared.settings.rule_sets {
            request.rule_set = None;
        }
        let merges = request.rules_to_merge.is_some() || request.rules_to_remove.is_some();
        if merges && request.rule_set.is_some() {
            let message = "ruleSet should be omitted if specifying rulesToMerge or rulesToRemove";
            return Err(RegistryError::invalid_rule_set(message));
        }
        for rules in [&request.rule_set, &request.rules_to_merge].into_iter().flatten() {
            rules.validate()?;
        }
        let version = request.new_version.unwrap_or(0);
        let rule_set = if merges {
            let before = if version > 0 { version - 1 } else { -1 };
            let before = self.shared.state().get(subject, before, false).cloned();
            let rules = before.and_then(|stored| stored.schema.rule_set.clone());
            let rules = RuleSet::merged(rules, request.rules_to_merge.clone());
            let gone = request.rules_to_remove.clone().unwrap_or_default();
            rules.map(|rules| rules.without(&gone))
        } else {
            request.rule_set.clone()
        };
        let mut changed = base.clone();
        let (to_add, to_remove) = (tags::read(&request.to_add)?, tags::read(&request.to_remove)?);
        if !to_add.is_empty() || !to_remove.is_empty() {
            tags::change(&mut changed, &to_add, &to_remove)?;
        }
        let metadata = request.metadata.clone().or(changed.metadata);
        let new = SchemaRequest {
            version: Some(version),
            id: None,
            schema_type: Some(changed.schema_type),
            references: changed.references,
            metadata: Some(Metadata::with_version(metadata, version)),
            rule_set,
            schema: changed.text,
            ..SchemaRequest::default()
        };
        let judge = |shared: &Shared| register::register(shared, subject, &new, false);
        let schema = self.store.write(subject, judge).await?;
        Ok(registered(&Found::Same(Box::new(schema))))
    }

    /// Deletes a version; gives its number.
    pub(crate) async fn delete_version(
        &self,
        subject: &str,
        version: i32,
        permanent: bool,
    ) -> Result<i32, RegistryError> {
        self.store
            .write(subject, |shared| delete::version(shared, subject, version, permanent))
            .await
    }

    /// Deletes a subject; gives its versions.
    pub(crate) async fn delete_subject(
        &self,
        subject: &str,
        permanent: bool,
    ) -> Result<Vec<i32>, RegistryError> {
        self.store.write(subject, |shared| delete::subject(shared, subject, permanent)).await
    }

    /// Deletes a context that is empty.
    pub(crate) async fn delete_context(&self, context: &str) -> Result<(), RegistryError> {
        self.store.write(context, |shared| delete::context(shared, context)).await
    }

    /// Changes a config; gives what it is now.
    pub(crate) async fn update_config(
        &self,
        name: &str,
        mut update: ConfigUpdate,
    ) -> Result<Json, RegistryError> {
        if !self.shared.settings.rule_sets {
            for rules in [&mut update.default_rule_set, &mut update.override_rule_set] {
                *rules = rules.as_ref().map(|_| None);
            }
        }
        update.validate()?;
        if !is_valid(name, true) {
            return Err(RegistryError::invalid_subject(name));
        }
        self.store.write(name, |shared| configs::update(shared, name, &update)).await
    }

    /// Takes a config away; gives what it was.
    pub(crate) async fn delete_config(&self, name: &str) -> Result<Config, RegistryError> {
        self.store.write(name, |shared| configs::delete(shared, name)).await
    }

    /// Changes a mode; nothing takes it away.
    pub(crate) async fn set_mode(
        &self,
        name: &str,
        mode: Option<&str>,
        force: bool,
    ) -> Result<(), RegistryError> {
        if !is_valid(name, true) {
            return Err(RegistryError::invalid_subject(name));
        }
        let mode = modes::named(name, mode)?;
        self.store.write(name, |shared| modes::set(shared, name, mode, force)).await
    }

    /// Takes a mode away; gives what it was.
    pub(crate) async fn delete_mode(
        &self,
        name: &str,
        recursive: bool,
    ) -> Result<Option<Mode>, RegistryError> {
        self.store.write(name, |shared| modes::delete(shared, name, recursive)).await
    }

    /// Writes what a judgement about a name comes to.
    pub(crate) async fn write<T>(
        &self,
        name: &str,
        judge: impl Fn(&Shared) -> Result<Verdict<T>, RegistryError>,
    ) -> Result<T, RegistryError> {
        self.store.write(name, judge).await
    }
}

/// The answer to who registers.
fn registered(found: &Found) -> SchemaBody {
    SchemaBody { subject: None, ..found.body() }
}
