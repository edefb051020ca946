//! What the registry answers instead of doing as asked: Confluent's codes and texts.

use gantry_log::LogError;

/// An answer that is not what was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    /// The code of the body; its first three digits are the HTTP status.
    pub code: u32,
    /// Its text for the user.
    pub message: String,
}

impl RegistryError {
    /// An error of a code.
    pub(crate) fn new(code: u32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        let status = if self.code < 1000 { self.code } else { self.code / 100 };
        u16::try_from(status).unwrap_or(500)
    }

    /// Whether a subject, version or schema is not there, or may only be seen where it is not.
    pub(crate) fn is_miss(&self) -> bool {
        matches!(self.code, 40301 | 40401 | 40402 | 40403)
    }

    /// Somebody has not the right to do something.
    pub(crate) fn denied(operation: &str, resource: &str) -> Self {
        Self::new(40301, format!("User is denied operation {operation} on {resource}"))
    }
    /// The same of what concerns all subjects.
    pub(crate) fn denied_here() -> Self {
        Self::new(40301, "User is denied operation on this server.")
    }
    pub(crate) fn subject_not_found(subject: &str) -> Self {
        Self::new(40401, format!("Subject '{subject}' not found."))
    }
    pub(crate) fn version_not_found(version: i32) -> Self {
        Self::new(40402, format!("Version {version} not found."))
    }
    pub(crate) fn schema_not_found() -> Self {
        Self::new(40403, "Schema not found")
    }
    pub(crate) fn no_such_schema(name: impl std::fmt::Display) -> Self {
        Self::new(40403, format!("Schema {name} not found"))
    }
    pub(crate) fn subject_soft_deleted(subject: &str) -> Self {
        let message = format!(
            "Subject '{subject}' was soft deleted.Set permanent=true to delete permanently"
        );
        Self::new(40404, message)
    }
    pub(crate) fn subject_not_soft_deleted(subject: &str) -> Self {
        let message =
            format!("Subject '{subject}' was not deleted first before being permanently deleted");
        Self::new(40405, message)
    }
    pub(crate) fn version_soft_deleted(subject: &str, version: i32) -> Self {
        let message = format!(
            "Subject '{subject}' Version {version} was soft deleted.Set permanent=true to delete \
             permanently"
        );
        Self::new(40406, message)
    }
    pub(crate) fn version_not_soft_deleted(subject: &str, version: i32) -> Self {
        let message = format!(
            "Subject '{subject}' Version {version} was not deleted first before being permanently \
             deleted"
        );
        Self::new(40407, message)
    }
    pub(crate) fn no_config(subject: &str) -> Self {
        let message =
            format!("Subject '{subject}' does not have subject-level compatibility configured");
        Self::new(40408, message)
    }
    pub(crate) fn no_mode(subject: &str) -> Self {
        Self::new(40409, format!("Subject '{subject}' does not have subject-level mode configured"))
    }
    pub(crate) fn incompatible(subject: &str, reasons: &[String]) -> Self {
        let message = format!(
            "Schema being registered is incompatible with an earlier schema for subject \
             \"{subject}\", details: [{}]",
            reasons.join(", ")
        );
        Self::new(40901, message)
    }
    pub(crate) fn invalid_schema(message: impl Into<String>) -> Self {
        Self::new(42201, message)
    }
    pub(crate) fn invalid_version(version: &str) -> Self {
        let message = format!(
            "The specified version '{version}' is not a valid version id. Allowed values are \
             between [1, 2^31-1] and the string \"latest\""
        );
        Self::new(42202, message)
    }
    pub(crate) fn invalid_compatibility() -> Self {
        let message = "Invalid compatibility level. Valid values are none, backward, forward, \
                       full, backward_transitive, forward_transitive, and full_transitive";
        Self::new(42203, message)
    }
    pub(crate) fn invalid_mode() -> Self {
        let message = "Invalid mode. Valid values are READWRITE, READONLY, IMPORT and FORWARD.";
        Self::new(42204, message)
    }
    pub(crate) fn not_permitted(message: impl Into<String>) -> Self {
        Self::new(42205, message)
    }
    pub(crate) fn reference_exists(subject: &str, version: i32) -> Self {
        let message = format!(
            "One or more references exist to the schema \
             {{magic=1,keytype=SCHEMA,subject={subject},version={version}}}."
        );
        Self::new(42206, message)
    }
    pub(crate) fn invalid_subject(subject: &str) -> Self {
        Self::new(42208, format!("The specified subject '{subject}' is not a valid."))
    }
    pub(crate) fn too_large() -> Self {
        Self::new(42209, "Register operation failed because schema is too large")
    }
    pub(crate) fn invalid_rule_set(message: impl Into<String>) -> Self {
        Self::new(42210, message)
    }
    pub(crate) fn context_not_empty(context: &str) -> Self {
        Self::new(42211, format!("The specified context '{context}' is not empty."))
    }
    pub(crate) fn store(message: impl std::fmt::Display) -> Self {
        Self::new(50001, format!("Error in the backend data store: {message}"))
    }
    pub(crate) fn timed_out(after: std::time::Duration) -> Self {
        let message = format!(
            "Operation timed out: the log did not take the write within {} ms. It may still be \
             stored: ask for it before you write it again",
            after.as_millis()
        );
        Self::new(50002, message)
    }
    pub(crate) fn contended(tries: usize) -> Self {
        let message = format!(
            "Operation timed out: other nodes were first {tries} times. Nothing was written; try \
             again"
        );
        Self::new(50002, message)
    }
    /// What a framework answers before any endpoint is reached.
    pub(crate) fn framework(status: axum::http::StatusCode) -> Self {
        let reason = status.canonical_reason().unwrap_or("Error");
        Self::new(u32::from(status.as_u16()), format!("HTTP {} {reason}", status.as_u16()))
    }
}

impl std::fmt::Display for RegistryError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (error code {})", self.message, self.code)
    }
}

impl std::error::Error for RegistryError {}

impl From<LogError> for RegistryError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::TooLarge { .. } => Self::too_large(),
            error => Self::store(error),
        }
    }
}
