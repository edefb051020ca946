//! Which schemas are the same: an MD5 of text, references, metadata and rules, which is also their
//! guid.

use md5::{Digest, Md5};

use crate::model::{Metadata, Reference, Rule, RuleKind, RuleMode, RuleSet, Schema};

/// In front of what may be missing, so that empty and missing differ.
const PRESENT: [u8; 1] = [1];

/// What two schemas share only if they are the same.
pub(crate) fn hash(schema: &Schema) -> [u8; 16] {
    let mut md5 = Md5::new();
    take(&mut md5, &schema.text);
    for Reference { name, subject, version } in &schema.references {
        take(&mut md5, name);
        take(&mut md5, subject);
        if let Some(version) = version {
            md5.update(version.to_be_bytes());
        }
    }
    if let Some(metadata) = &schema.metadata {
        md5.update(PRESENT);
        take_metadata(&mut md5, metadata);
    }
    if let Some(rules) = &schema.rule_set {
        md5.update(PRESENT);
        take_rules(&mut md5, rules);
    }
    md5.finalize().into()
}

fn take(md5: &mut Md5, text: &Option<String>) {
    if let Some(text) = text {
        md5.update(text);
    }
}

fn take_metadata(md5: &mut Md5, metadata: &Metadata) {
    for (path, tags) in &metadata.tags {
        md5.update(path);
        tags.iter().for_each(|tag| md5.update(tag));
    }
    for (key, value) in &metadata.properties {
        md5.update(key);
        md5.update(value);
    }
    metadata.sensitive.iter().for_each(|key| md5.update(key));
}

fn take_rules(md5: &mut Md5, rules: &RuleSet) {
    let lists = [&rules.migration_rules, &rules.domain_rules, &rules.encoding_rules];
    for rule in lists.into_iter().flatten() {
        take_rule(md5, rule);
    }
    take(md5, &rules.enable_at);
}

fn take_rule(md5: &mut Md5, rule: &Rule) {
    take(md5, &rule.name);
    take(md5, &rule.doc);
    if let Some(kind) = rule.kind {
        md5.update(match kind {
            RuleKind::Transform => "TRANSFORM",
            RuleKind::Condition => "CONDITION",
        });
    }
    if let Some(mode) = rule.mode {
        md5.update(match mode {
            RuleMode::Upgrade => "UPGRADE",
            RuleMode::Downgrade => "DOWNGRADE",
            RuleMode::UpDown => "UPDOWN",
            RuleMode::Write => "WRITE",
            RuleMode::Read => "READ",
            RuleMode::WriteRead => "WRITEREAD",
        });
    }
    take(md5, &rule.type_);
    rule.tags.iter().for_each(|tag| md5.update(tag));
    for (key, value) in &rule.params {
        md5.update(key);
        md5.update(value);
    }
    take(md5, &rule.expr);
    take(md5, &rule.on_success);
    take(md5, &rule.on_failure);
    if rule.disabled {
        md5.update(PRESENT);
    }
}

/// A guid as it is written.
pub(crate) fn text(hash: &[u8; 16]) -> String {
    let n = u128::from_be_bytes(*hash);
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        n >> 96,
        (n >> 80) & 0xffff,
        (n >> 64) & 0xffff,
        (n >> 48) & 0xffff,
        n & 0xffff_ffff_ffff
    )
}

/// Reads a guid, with its dashes or without.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    let digits: String = match text.split('-').collect::<Vec<_>>()[..] {
        [a, b, c, d, e] => format!("{a:0>8}{b:0>4}{c:0>4}{d:0>4}{e:0>12}"),
        [all] => all.to_owned(),
        _ => return None,
    };
    let is_hex = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| u128::from_str_radix(&digits, 16).ok()).flatten().map(u128::to_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Schema {
        Schema { text: Some(text.to_owned()), ..Schema::default() }
    }

    #[test]
    fn guids_are_those_of_confluent() {
        let guid = text(&hash(&of("{}")));
        assert_eq!(guid, "99914b93-2bd3-7a50-b983-c5e7c90ae93b");
        assert_eq!(text(&hash(&of("\"int\""))), "ef524ea1-b91e-7317-3d93-8ade36c1db32");
        assert_eq!(parse(&guid), Some(hash(&of("{}"))));
        assert_eq!(parse(&guid.replace('-', "")), Some(hash(&of("{}"))));
        assert_eq!(parse("nope"), None);
    }

    #[test]
    fn empty_and_missing_differ() {
        let with = Schema { metadata: Some(Metadata::default()), ..of("{}") };
        assert_ne!(hash(&with), hash(&of("{}")));
    }
}
