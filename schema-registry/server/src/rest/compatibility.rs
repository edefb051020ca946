//! Checks whether a schema could be registered.

use serde_json::json;

use super::body;
use super::request::{Asked, version as version_of};
use super::rights::check_references;
use super::router::{Answer, Outcome};
use crate::names::normalize;
use crate::registry::Registry;
use crate::rules::compatibility::{self, Check};

/// Checks a schema against a version, or against what registering would check it against.
pub(super) fn check(
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
    Answer::json(&answer)
}
