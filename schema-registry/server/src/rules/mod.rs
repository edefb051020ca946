//! What may be registered, changed and deleted: judged on the folded state.
//!
//! A judgement gives an answer, or a record with the condition that makes it right wherever in the
//! topic the record comes to stand. Each takes its condition first and looks at the state after:
//! what changes in between breaks the condition.

pub(crate) mod compatibility;
pub(crate) mod configs;
pub(crate) mod delete;
pub(crate) mod impact;
pub(crate) mod lookup;
pub(crate) mod modes;
pub(crate) mod parse;
pub(crate) mod register;
pub(crate) mod request;
pub(crate) mod rocketmq;
pub(crate) mod tags;

use crate::records::Draft;
use crate::reserved::Lease;
use crate::state::Expect;

/// What a judgement comes to.
#[derive(Debug)]
pub(crate) enum Verdict<T> {
    /// Nothing is to be written.
    Answer(T),
    /// This is to be written, and then answered.
    Write {
        /// The record.
        draft: Box<Draft>,
        /// On what it relies.
        expect: Expect,
        /// The id that it brings up, kept from other writes meanwhile.
        lease: Option<Lease>,
        /// The answer, if the record counts.
        answer: T,
    },
}

impl<T> Verdict<T> {
    /// A record to write.
    pub(crate) fn write(draft: Draft, expect: Expect, answer: T) -> Self {
        Self::Write { draft: Box::new(draft), expect, lease: None, answer }
    }

    /// A record to write, with an id that is new.
    pub(crate) fn write_new(draft: Draft, expect: Expect, lease: Lease, answer: T) -> Self {
        Self::Write { draft: Box::new(draft), expect, lease: Some(lease), answer }
    }
}
