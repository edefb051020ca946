//! How the index or data stream of a topic is called.

use super::config::{Naming, Targets};

/// Names of indices are not longer.
const NAME_MAX: usize = 255;
/// The part of a data stream's name that holds the topic is not longer.
const NAMESPACE_MAX: usize = 100;

impl Targets {
    /// Where records of a topic go; nothing if none is given for it, and only these count.
    pub(super) fn of(&self, topic: &str) -> Option<String> {
        match self.given.get(topic) {
            Some(given) => Some(given.clone()),
            None if self.only_given => None,
            None => Some(self.naming.name(topic)),
        }
    }
}

impl Naming {
    fn name(&self, topic: &str) -> String {
        match self {
            Self::Lower => topic.to_lowercase(),
            Self::Confluents => confluents(topic),
            Self::Aivens(None) => aivens(topic),
            Self::Aivens(Some(prefix)) => format!("{prefix}-{}", aivens(topic)),
            Self::Stream { kind, dataset, namespace } => {
                let namespace = namespace.replace("${topic}", &topic.to_lowercase());
                format!("{kind}-{dataset}-{}", cut(&namespace, NAMESPACE_MAX))
            }
        }
    }
}

/// The first of these UTF-16 units, as Java counts.
fn cut(text: &str, most: usize) -> &str {
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > most {
            return text.get(..at).unwrap_or_default();
        }
    }
    text
}

fn confluents(topic: &str) -> String {
    let lower = topic.to_lowercase();
    let name = cut(&lower, NAME_MAX);
    let name = name.strip_prefix(['-', '_']).unwrap_or(name);
    dots(name)
}

fn aivens(topic: &str) -> String {
    let lower = topic.to_lowercase();
    let name = cut(&lower, NAME_MAX).replace(':', "_");
    let name = name.strip_prefix(['-', '_', '+']).unwrap_or(&name);
    dots(name)
}

/// No index can be called as these.
fn dots(name: &str) -> String {
    match name {
        "." | ".." => name.replace('.', "dot"),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_topic_as_in_java() {
        let stream = Naming::Stream {
            kind: "logs".to_owned(),
            dataset: "shop".to_owned(),
            namespace: "${topic}".to_owned(),
        };
        let long = "T".repeat(300);
        for (naming, topic, expected) in [
            (&Naming::Confluents, "Orders", "orders".to_owned()),
            (&Naming::Confluents, "_a", "a".to_owned()),
            (&Naming::Confluents, "-_a", "_a".to_owned()),
            (&Naming::Confluents, "..", "dotdot".to_owned()),
            (&Naming::Confluents, &long, "t".repeat(255)),
            (&Naming::Lower, "_A.b", "_a.b".to_owned()),
            (&Naming::Aivens(None), "+A:b", "a_b".to_owned()),
            (&Naming::Aivens(Some("p".to_owned())), "A", "p-a".to_owned()),
            (&stream, "Orders", "logs-shop-orders".to_owned()),
            (&stream, &long, format!("logs-shop-{}", "t".repeat(100))),
        ] {
            assert_eq!(naming.name(topic), expected, "{naming:?}");
        }
    }
}
