//! What copies are called, and which topics came from where: MirrorMaker's replication policies.

use gantry_api::Str;

pub(crate) const DEFAULT_CLASS: &str = "org.apache.kafka.connect.mirror.DefaultReplicationPolicy";
pub(crate) const IDENTITY_CLASS: &str = "org.apache.kafka.connect.mirror.IdentityReplicationPolicy";
pub(crate) const HEARTBEATS: &str = "heartbeats";
const DEFAULT_SEPARATOR: &str = ".";

/// How topics are named in the target.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Copies keep their names.
    pub(crate) is_identity: bool,
    separator: String,
    /// Internal topics have the separator too, in place of a dot.
    in_internal: bool,
    /// Names of RocketMQ's replicator.
    fixed: Option<Fixed>,
}

/// What RocketMQ's replicator calls copies.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fixed {
    /// The one topic of all copies.
    pub(crate) topic: Option<String>,
    /// What stands in front of the name of a copy, with `%` behind it.
    pub(crate) namespace: Option<String>,
    /// Whether several topics are copied.
    pub(crate) is_shared: bool,
}

impl Policy {
    /// `None` for a class that is none of the two.
    pub(crate) fn of(class: &str, separator: &str, in_internal: bool) -> Option<Self> {
        let is = |full: &str| class == full || full.rsplit('.').next() == Some(class);
        let is_identity = is(IDENTITY_CLASS);
        (is_identity || is(DEFAULT_CLASS)).then(|| Self {
            is_identity,
            separator: separator.to_owned(),
            in_internal,
            fixed: None,
        })
    }

    /// Copies keep their names, or all have one.
    pub(crate) fn fixed(fixed: Fixed) -> Self {
        let separator = DEFAULT_SEPARATOR.to_owned();
        Self { is_identity: true, separator, in_internal: true, fixed: Some(fixed) }
    }

    /// Whether several topics have one copy: then nothing of it begins where an original does.
    pub(crate) fn merges(&self) -> bool {
        self.fixed.as_ref().is_some_and(|fixed| fixed.topic.is_some() && fixed.is_shared)
    }

    fn in_internal(&self) -> &str {
        if self.in_internal { &self.separator } else { DEFAULT_SEPARATOR }
    }

    /// Whether copies have the cluster in their names: heartbeats always have.
    fn is_prefixed(&self, topic: &str) -> bool {
        self.fixed.is_none() && (!self.is_identity || topic.ends_with(HEARTBEATS))
    }

    /// The copy of a topic of that cluster.
    pub(crate) fn remote(&self, source: &str, topic: &str) -> Str {
        if let Some(fixed) = &self.fixed {
            return match (&fixed.topic, &fixed.namespace) {
                (Some(topic), _) => topic.as_str().into(),
                (None, Some(namespace)) if !namespace.is_empty() => {
                    format!("{namespace}%{topic}").into()
                }
                (None, _) => topic.into(),
            };
        }
        if self.is_prefixed(topic) {
            return format!("{source}{}{topic}", self.separator).into();
        }
        topic.into()
    }

    /// The cluster that a topic is a copy from and its name there, as far as the name says.
    fn upstream<'a>(&self, topic: &'a str) -> Option<(&'a str, &'a str)> {
        if !self.is_prefixed(topic) {
            return None;
        }
        let (source, rest) = topic.split_once(self.separator.as_str())?;
        (!rest.is_empty()).then_some((source, rest))
    }

    /// Whether a topic of the source is a copy that came from the target, over however many others.
    pub(crate) fn is_cycle(&self, topic: &str, target: &str) -> bool {
        let mut at = topic;
        while let Some((source, rest)) = self.upstream(at) {
            if source == target {
                return true;
            }
            at = rest;
        }
        false
    }

    /// Whether a topic holds heartbeats, or copies of them.
    pub(crate) fn is_heartbeats(&self, topic: &str) -> bool {
        let mut at = topic;
        while let Some((_, rest)) = self.upstream(at) {
            at = rest;
        }
        at == HEARTBEATS
    }

    /// Whether a topic is never copied: those of MirrorMaker, of Kafka and of Connect.
    pub(crate) fn is_internal(&self, topic: &str) -> bool {
        topic.ends_with(&format!("{}internal", self.in_internal()))
            || topic.ends_with(".internal")
            || topic.ends_with("-internal")
            || topic.starts_with("__")
            || topic.starts_with('.')
    }

    /// The topic that tells where copies from that cluster are.
    pub(crate) fn offset_syncs(&self, source: &str) -> Str {
        let dot = self.in_internal();
        format!("mm2-offset-syncs{dot}{source}{dot}internal").into()
    }

    /// The topic of the checkpoints of that cluster's groups.
    pub(crate) fn checkpoints(&self, source: &str) -> Str {
        let dot = self.in_internal();
        format!("{source}{dot}checkpoints{dot}internal").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_where_topics_came_from() {
        let policy = Policy::of(DEFAULT_CLASS, ".", true).unwrap();
        assert_eq!(&*policy.remote("a", "orders"), "a.orders");
        for (topic, cycle) in [
            ("orders", false),
            ("a.orders", false),
            ("b.orders", true),
            ("c.b.orders", true),
            ("c.orders.b", false),
        ] {
            assert_eq!(policy.is_cycle(topic, "b"), cycle, "{topic}");
        }
        assert!(policy.is_heartbeats("heartbeats") && policy.is_heartbeats("c.a.heartbeats"));
        assert!(!policy.is_heartbeats("a.my-heartbeats"));
        assert!(policy.is_internal("x.internal") && policy.is_internal("__offsets"));
        assert_eq!(&*policy.offset_syncs("a"), "mm2-offset-syncs.a.internal");
        assert_eq!(&*policy.checkpoints("a"), "a.checkpoints.internal");
    }

    #[test]
    fn identity_keeps_names_but_those_of_heartbeats() {
        let policy = Policy::of("IdentityReplicationPolicy", "_", false).unwrap();
        assert_eq!(&*policy.remote("a", "b_orders"), "b_orders");
        assert!(!policy.is_cycle("b_orders", "b"));
        assert_eq!(&*policy.remote("a", "heartbeats"), "a_heartbeats");
        assert!(policy.is_cycle("b_heartbeats", "b"));
        assert_eq!(&*policy.checkpoints("a"), "a.checkpoints.internal");
        assert!(Policy::of("my.Policy", ".", true).is_none());
    }
}
