//! Checks whether a schema could be registered.

use serde_json::json;

use super::body;
use super::request::{Asked, version as version_of};
use super::rights::check_references;
use super::router::{Answer, Outcome};
use crate::error::RegistryError;
use crate::names::normalize;
use crate::registry::Registry;
use crate::rules::compatibility::{self, Check};
use crate::rules::impact::{Candidate, Impact, impact};
use crate::rules::request::SchemaRequest;

/// Checks a schema against a version, or against what registering would check it against.
pub(super) async fn check(
    registry: &Registry,
    asked: &Asked,
    (subject, version): (&str, Option<&str>),
    body: &[u8],
) -> Outcome {
    let name = if version.is_some() {
        "testCompatibilityBySubjectName.request"
    } else {
        "testCompatibilityForSubject.request"
    };
    let request = body::schema(body, name)?;
    let subject = normalize(subject);
    check_references(asked, &subject, &request.references)?;
    let verbose = asked.is("verbose");
    let check = Check {
        subject: &subject,
        version: version.map(version_of).transpose()?,
        request: &request,
        normalize: asked.is("normalize"),
        verbose,
    };
    let messages = compatibility::check(&registry.shared, &check)?;
    let mut answer = json!({"is_compatible": messages.is_empty()});
    if verbose {
        answer["messages"] = messages.into();
    }
    if let Some(impact) = impact_of(registry, asked, &subject, &request).await {
        answer["impact"] = serde_json::to_value(impact).map_err(RegistryError::store)?;
    }
    Answer::json(&answer)
}

/// What a schema means for the connectors that use the subject, if that is asked for.
pub(super) async fn impact_of(
    registry: &Registry,
    asked: &Asked,
    subject: &str,
    request: &SchemaRequest,
) -> Option<Impact> {
    if !asked.is("impact") {
        return None;
    }
    let (normalize, rights) = (asked.is("normalize"), &*asked.rights);
    impact(&registry.shared, Candidate { subject, request, normalize, rights }).await
}
