//! What somebody may do: operations on subjects, and on what holds for all of them.

use crate::error::RegistryError;
use crate::names::{DEFAULT_CONTEXT, Qualified, is_global_context, normalize};

/// What can be done to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// See its versions.
    Read,
    /// Register a version, or ask whether it could be.
    Write,
    /// Delete versions or all of it.
    Delete,
    /// See its config and mode.
    ReadCompatibility,
    /// Change its config and mode.
    WriteCompatibility,
}

impl Operation {
    /// All there are.
    pub const ALL: [Self; 5] =
        [Self::Read, Self::Write, Self::Delete, Self::ReadCompatibility, Self::WriteCompatibility];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Delete => "Delete",
            Self::ReadCompatibility => "ReadCompatibility",
            Self::WriteCompatibility => "WriteCompatibility",
        }
    }

    /// The one of a name, in any case of letters.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name().eq_ignore_ascii_case(name))
    }
}

/// What a right speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// All subjects, and [`Resource::Global`].
    Everything,
    /// The config and mode that hold where a subject has none of its own.
    Global,
    /// The subjects that a pattern matches.
    Subjects(Pattern),
}

/// A context and a name, in which `*` stands for any signs and `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    context: String,
    subject: String,
}

impl Resource {
    /// Reads `*`, `Global` or `Subject:PATTERN`. A pattern without a context speaks of the default
    /// one, `:.context:PATTERN` of another, `:*:PATTERN` of all.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.trim() {
            "*" => return Ok(Self::Everything),
            global if global.trim_end_matches(':').eq_ignore_ascii_case("global") => {
                return Ok(Self::Global);
            }
            _ => {}
        }
        let pattern = text.trim().split_once(':').filter(|(kind, pattern)| {
            kind.eq_ignore_ascii_case("subject") && !pattern.trim().is_empty()
        });
        let Some((_, pattern)) = pattern else {
            return Err(format!(
                "{text} is no resource; write Subject:NAME, in which * stands for any signs and ? \
                 for one, Global for what holds for all subjects, or * for everything"
            ));
        };
        let Qualified { context, subject, is_closed } = Qualified::of(pattern.trim());
        if !is_closed {
            return Err(format!(
                "{text} names a context and no subject of it; write Subject::{context}:* for all"
            ));
        }
        Ok(Self::Subjects(Pattern { context: context.to_owned(), subject: subject.to_owned() }))
    }

    /// Whether it includes a name in its one form: of a subject, of a context for all of its
    /// subjects, or none for those of the default one.
    fn includes(&self, name: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Global => is_global(name),
            Self::Subjects(pattern) => {
                let Qualified { context, subject, .. } = Qualified::of(name);
                !is_global(name)
                    && matches(&pattern.context, context)
                    && matches(&pattern.subject, subject)
            }
        }
    }
}

/// Whether a name is none of a subject or of one context, but stands for all.
fn is_global(name: &str) -> bool {
    let Qualified { context, subject, .. } = Qualified::of(name);
    is_global_context(name) || (context == DEFAULT_CONTEXT && subject.is_empty())
}

/// Whether a text is what a pattern with `*` and `?` says.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the last star is, and up to where it reaches.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, from));
            at += 1;
        } else if pattern.get(at).is_some_and(|sign| *sign == '?' || text.get(from) == Some(sign)) {
            at += 1;
            from += 1;
        } else if let Some((star_at, reaches)) = &mut star {
            *reaches += 1;
            at = *star_at + 1;
            from = *reaches;
        } else {
            return false;
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|sign| *sign == '*'))
}

/// Operations that are allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Which.
    pub operations: Vec<Operation>,
    /// On what.
    pub resource: Resource,
}

/// What somebody may do. A request carries the rights of who sent it as an extension, an
/// `Arc<Rights>`; one that carries none may do all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// None: all is allowed.
    grants: Option<Vec<Grant>>,
}

impl Rights {
    /// To do all.
    pub const ALL: Self = Self { grants: None };

    /// To do what is granted.
    pub fn new(grants: Vec<Grant>) -> Self {
        Self { grants: Some(grants) }
    }

    /// Whether there is nothing that may not be done.
    pub(crate) fn is_all(&self) -> bool {
        self.grants.is_none()
    }

    fn may(&self, operation: Operation, name: &str) -> bool {
        let Some(grants) = &self.grants else { return true };
        let name = normalize(name);
        grants
            .iter()
            .any(|grant| grant.operations.contains(&operation) && grant.resource.includes(&name))
    }

    /// Whether a subject may be seen.
    pub(crate) fn may_read(&self, subject: &str) -> bool {
        self.may(Operation::Read, subject)
    }

    /// The error of what may not be done.
    pub(crate) fn check(&self, operation: Operation, name: &str) -> Result<(), RegistryError> {
        if self.may(operation, name) {
            return Ok(());
        }
        Err(if is_global(name) {
            RegistryError::denied_here()
        } else {
            RegistryError::denied(operation.name(), &format!("Subject: {name}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rights(resource: &str) -> Rights {
        let resource = Resource::parse(resource).unwrap();
        Rights::new(vec![Grant { operations: vec![Operation::Read], resource }])
    }

    #[test]
    fn stars_stand_for_any_signs() {
        for (pattern, text, is_it) in [
            ("", "", true),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("a?c", "aäc", true),
            ("a?c", "ac", false),
            ("a", "ab", false),
            ("**a", "bca", true),
        ] {
            assert_eq!(matches(pattern, text), is_it, "{pattern} {text}");
        }
        // No time beyond pattern times text, whatever the pattern.
        assert!(!matches(&"*a".repeat(500), &"b".repeat(5_000)));
    }

    #[test]
    fn a_pattern_stays_in_its_context() {
        let of_default = rights("Subject:orders-*");
        assert!(of_default.may_read("orders-value") && of_default.may_read(":.:orders-value"));
        assert!(!of_default.may_read(":.c:orders-value") && !of_default.may_read("order"));
        let all_of_default = rights("Subject:*");
        assert!(all_of_default.may_read("x") && !all_of_default.may_read(":.c:x"));
        assert!(!all_of_default.may_read("") && !all_of_default.may_read(":.__GLOBAL:"));
        let of_one = rights("Subject::.team-*:*");
        assert!(of_one.may_read(":.team-a:x") && of_one.may_read(":.team-a:"));
        assert!(!of_one.may_read(":.other:x") && !of_one.may_read("x"));
        let anywhere = rights("subject::*:x");
        assert!(anywhere.may_read("x") && anywhere.may_read(":.c:x"));
        assert!(!anywhere.may_read(":.c:y"));
    }

    #[test]
    fn global_is_apart() {
        let global = rights("Global");
        assert!(global.may_read("") && global.may_read(":.__GLOBAL:") && !global.may_read("x"));
        assert!(!global.may_read(":.c:"));
        let everything = rights("*");
        assert!(everything.may_read("") && everything.may_read(":.c:x"));
        let denied = everything.check(Operation::Write, "x").unwrap_err();
        assert_eq!(denied.message, "User is denied operation Write on Subject: x");
        assert_eq!((denied.code, denied.status()), (40301, 403));
        assert_eq!(Rights::ALL.check(Operation::Delete, ""), Ok(()));
    }

    #[test]
    fn what_is_no_resource_says_so() {
        for wrong in ["", "Subject:", "orders", "Topic:x", "Subject::.c"] {
            assert!(Resource::parse(wrong).unwrap_err().contains("write "), "{wrong}");
        }
        assert_eq!(Operation::named("readcompatibility"), Some(Operation::ReadCompatibility));
        assert_eq!(Operation::named("All"), None);
    }
}
