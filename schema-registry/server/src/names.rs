//! Names of subjects and of the contexts that they are in: `subject` is in the default context,
//! `:.context:subject` in another one.

/// The context of subjects that name none.
pub const DEFAULT_CONTEXT: &str = ".";
/// Its config and mode hold where nothing nearer has one; it has no subjects.
pub const GLOBAL_CONTEXT: &str = ".__GLOBAL";
/// In front of a prefix: in all contexts.
pub(crate) const ALL_CONTEXTS: &str = ":*:";

/// A name taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Qualified<'a> {
    /// The context, with its dot and without the colons; `*` for all.
    pub(crate) context: &'a str,
    /// The name inside of it; empty if the name is that of a context.
    pub(crate) subject: &'a str,
    /// Whether the context is followed by its second colon, or is not there.
    pub(crate) is_closed: bool,
}

impl<'a> Qualified<'a> {
    /// Takes a name apart. Each text is a name.
    pub(crate) fn of(name: &'a str) -> Self {
        if let Some(subject) = name.strip_prefix(ALL_CONTEXTS) {
            return Self { context: "*", subject, is_closed: true };
        }
        let Some(rest) = name.strip_prefix(':').filter(|rest| rest.starts_with('.')) else {
            return Self { context: DEFAULT_CONTEXT, subject: name, is_closed: true };
        };
        match rest.split_once(':') {
            Some((context, subject)) => Self { context, subject, is_closed: true },
            None => Self { context: rest, subject: "", is_closed: false },
        }
    }

    fn is_default(&self) -> bool {
        self.context == DEFAULT_CONTEXT
    }
}

/// What stands in front of the subjects of a context.
pub fn prefix_of(context: &str) -> String {
    if context == DEFAULT_CONTEXT { String::new() } else { format!(":{context}:") }
}

/// The one way to write a name.
pub fn normalize(name: &str) -> String {
    let Qualified { context, subject, .. } = Qualified::of(name);
    prefix_of(context) + subject
}

/// The context that a subject is in.
pub fn context_of(subject: &str) -> &str {
    Qualified::of(subject).context
}

/// The context that a subject is in, as a prefix: as messages name it.
pub(crate) fn context_prefix_of(subject: &str) -> String {
    prefix_of(context_of(subject))
}

/// A name that stands inside of what `parent` names: without a context it is in that of the
/// parent.
pub fn qualify_with(parent: &str, name: &str) -> String {
    if Qualified::of(name).is_default() {
        context_prefix_of(parent) + Qualified::of(name).subject
    } else {
        normalize(name)
    }
}

/// A context as a prefix, however it was written: `c`, `.c`, `:.c:`.
pub fn normalize_context(context: &str) -> Result<String, String> {
    let bare = context.strip_prefix(':').unwrap_or(context);
    let bare = bare.strip_suffix(':').unwrap_or(bare);
    if bare.contains(':') {
        return Err(format!("Context name '{bare}' cannot contain a colon"));
    }
    Ok(if bare.starts_with('.') { prefix_of(bare) } else { prefix_of(&format!(".{bare}")) })
}

/// Whether a name in a path says itself which context it is in.
pub fn starts_with_context(name: &str) -> bool {
    name.starts_with(":.") || name.starts_with(ALL_CONTEXTS)
}

/// Whether a name is that of [`GLOBAL_CONTEXT`].
pub(crate) fn is_global_context(name: &str) -> bool {
    let name = Qualified::of(name);
    name.context == GLOBAL_CONTEXT && name.subject.is_empty()
}

/// Whether something can be kept under a name.
pub(crate) fn is_valid(name: &str, for_config_or_mode: bool) -> bool {
    let Qualified { context, subject, .. } = Qualified::of(name);
    !name.chars().any(char::is_control)
        && !matches!(subject, "__GLOBAL" | "__EMPTY")
        && (for_config_or_mode || context != GLOBAL_CONTEXT)
}

/// Whether `subject` is what `name` names: itself, or one in the context that it names; an empty
/// name is that of the default context, none names all.
pub(crate) fn is_named_by(subject: &str, name: Option<&str>) -> bool {
    let Some(name) = name else { return true };
    let qualified = Qualified::of(name);
    subject == name
        || (qualified.subject.is_empty()
            && (qualified.context == GLOBAL_CONTEXT || context_of(subject) == qualified.context))
}

/// Whether a subject is one of those that begin so. A prefix speaks of one context, of all
/// (`:*:`), or of those that begin so (`:.co`).
pub(crate) fn begins_with(subject: &str, prefix: &str) -> bool {
    let (wanted, has) = (Qualified::of(prefix), Qualified::of(subject));
    let in_context = match wanted.context {
        "*" => true,
        context if !wanted.is_closed => has.context.starts_with(context),
        context => has.context == context,
    };
    in_context && has.subject.starts_with(wanted.subject)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parts = |name| {
            let q = Qualified::of(name);
            (q.context.to_owned(), q.subject.to_owned())
        };
        assert_eq!(parts("a:b"), (".".into(), "a:b".into()));
        assert_eq!(parts(":.c:a"), (".c".into(), "a".into()));
        assert_eq!(parts(":.c:"), (".c".into(), String::new()));
        assert_eq!(parts(":.c"), (".c".into(), String::new()));
        assert_eq!(parts(":*:a"), ("*".into(), "a".into()));
        assert_eq!(normalize(":.:a"), "a");
        assert_eq!(normalize(":.c"), ":.c:");
    }

    #[test]
    fn contexts_are_inherited() {
        assert_eq!(qualify_with(":.c:a", "b"), ":.c:b");
        assert_eq!(qualify_with("a", ":.d:b"), ":.d:b");
        assert_eq!(qualify_with(":.c:a", ":.d:b"), ":.d:b");
        assert_eq!(normalize_context("c").unwrap(), ":.c:");
        assert_eq!(normalize_context(":.c:").unwrap(), ":.c:");
        assert_eq!(normalize_context(".").unwrap(), "");
        assert!(normalize_context("a:b").is_err());
    }

    #[test]
    fn prefixes_speak_of_contexts() {
        assert!(begins_with("abc", "a") && begins_with("abc", "") && begins_with("abc", ":*:a"));
        assert!(begins_with(":.c:abc", ":*:") && begins_with(":.c:abc", ":.c:a"));
        assert!(!begins_with(":.c:abc", "") && !begins_with("abc", ":.c:"));
        assert!(begins_with(":.co:abc", ":.c") && !begins_with(":.co:abc", ":.c:"));
    }

    #[test]
    fn what_a_name_names() {
        assert!(
            is_named_by("a", None) && is_named_by("a", Some("a")) && is_named_by("a", Some(""))
        );
        assert!(is_named_by(":.c:a", Some(":.c:")) && !is_named_by(":.c:a", Some("")));
        assert!(is_named_by(":.c:a", Some(":.__GLOBAL:")) && !is_named_by("a", Some("b")));
        assert!(is_valid(":.__GLOBAL:", true) && !is_valid(":.__GLOBAL:", false));
        assert!(!is_valid("__EMPTY", true) && !is_valid("a\n", true));
    }
}
