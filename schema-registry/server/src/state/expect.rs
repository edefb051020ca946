//! The condition under which a record counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use crate::names::{GLOBAL_CONTEXT, context_of, context_prefix_of, prefix_of};

/// The format of the condition.
const FORMAT: u32 = 1;

/// On what a judgement relied: that nothing of it has changed since is the condition.
///
/// Revisions are offsets behind the last record of this registry that changed something. Records
/// without a condition change none: compaction may take those away, and with them what others
/// would have relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Expect {
    format: u32,
    /// Subjects and their revisions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    subjects: BTreeMap<String, u64>,
    /// Contexts and the revisions of all their subjects.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    contexts: BTreeMap<String, u64>,
    /// The revision of all subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<u64>,
    /// Names and the revisions of config and mode that hold for them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<String, u64>,
    /// The id is still free for this schema, or is its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<i32>,
}

impl Expect {
    /// Reads a condition; `None` if it is none that this version can judge.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok().filter(|expect: &Self| expect.format == FORMAT)
    }

    /// As a header.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Also relies on an id.
    pub(crate) fn with_id(mut self, id: i32) -> Self {
        self.id = Some(id);
        self
    }

    /// Whether the condition is about the versions of a subject, other than its own: then what is
    /// written touches that one as well.
    pub(super) fn subjects(&self) -> impl Iterator<Item = &str> {
        self.subjects.keys().map(String::as_str)
    }

    pub(super) fn id(&self) -> Option<i32> {
        self.id
    }
}

impl State {
    /// The condition that nothing has changed in config and mode of a name.
    pub(crate) fn expect_rules(&self, name: &str) -> Expect {
        let rules = BTreeMap::from([(name.to_owned(), self.revision_of_rules(name))]);
        Expect { format: FORMAT, rules, ..Expect::default() }
    }

    /// The condition that nothing has changed in a subject, nor in the rules for it.
    pub(crate) fn expect_subject(&self, subject: &str) -> Expect {
        let mut expect = self.expect_rules(subject);
        self.add_subject(&mut expect, subject);
        expect
    }

    /// Also that nothing has changed in another subject.
    pub(crate) fn add_subject(&self, expect: &mut Expect, subject: &str) {
        let revision = self.revision_of_subject(subject);
        expect.subjects.entry(subject.to_owned()).or_insert(revision);
    }

    /// Also that nothing has changed in all subjects that a name names.
    pub(crate) fn add_named(&self, expect: &mut Expect, name: &str) {
        let context = context_of(name);
        if name.is_empty() || context == GLOBAL_CONTEXT {
            expect.all = Some(self.revisions.all);
        } else if name == prefix_of(context) {
            let revision = self.revisions.contexts.get(context).copied().unwrap_or(0);
            expect.contexts.insert(context.to_owned(), revision);
        } else {
            self.add_subject(expect, name);
        }
    }

    fn revision_of_subject(&self, subject: &str) -> u64 {
        self.revisions.subjects.get(subject).copied().unwrap_or(0)
    }

    fn revision_of_rules(&self, name: &str) -> u64 {
        let chain = [name, &context_prefix_of(name), "", &prefix_of(GLOBAL_CONTEXT)];
        let revisions = chain.into_iter().filter_map(|name| self.revisions.rules.get(name));
        revisions.copied().max().unwrap_or(0)
    }

    /// Whether nothing that a judgement relied on has changed.
    pub(super) fn meets(&self, expect: &Expect) -> bool {
        let context = |context: &String| self.revisions.contexts.get(context).copied().unwrap_or(0);
        expect.subjects.iter().all(|(name, at)| self.revision_of_subject(name) == *at)
            && expect.contexts.iter().all(|(name, at)| context(name) == *at)
            && expect.all.is_none_or(|at| self.revisions.all == at)
            && expect.rules.iter().all(|(name, at)| self.revision_of_rules(name) == *at)
    }

    /// Notes a change of subjects at a revision.
    pub(super) fn touch_subject(&mut self, subject: &str, revision: u64) {
        self.revisions.subjects.insert(subject.to_owned(), revision);
        self.revisions.contexts.insert(context_of(subject).to_owned(), revision);
        self.revisions.all = revision;
    }

    /// Notes a change of config or mode at a revision.
    pub(super) fn touch_rules(&mut self, name: &str, revision: u64) {
        self.revisions.rules.insert(name.to_owned(), revision);
    }
}
