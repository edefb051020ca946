//! Sets of transactions' global identifiers.

use std::collections::BTreeMap;
use std::fmt;

/// A set: of MariaDB where each domain stands, of MySQL all numbers by source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GtidSet {
    Maria(BTreeMap<u64, (u64, u64)>),
    /// By `uuid`, or `uuid:tag`: ranges, both ends included, in order.
    MySql(BTreeMap<String, Vec<(u64, u64)>>),
}

/// Which sources count.
#[derive(Clone, Debug, Default)]
pub(crate) struct SourceFilter {
    includes: Option<super::super::Patterns>,
    excludes: Option<super::super::Patterns>,
}

impl SourceFilter {
    pub(crate) fn new(
        includes: Option<super::super::Patterns>,
        excludes: Option<super::super::Patterns>,
    ) -> Self {
        Self { includes, excludes }
    }
    pub(crate) fn is_set(&self) -> bool {
        self.includes.is_some() || self.excludes.is_some()
    }
    /// Whether a source counts: a UUID, or a domain and a server's number.
    pub(crate) fn takes(&self, source: &str) -> bool {
        let uuid = source.split(':').next().unwrap_or(source);
        match (&self.includes, &self.excludes) {
            (Some(includes), _) => includes.fit(uuid),
            (None, Some(excludes)) => !excludes.fit(uuid),
            (None, None) => true,
        }
    }
}

impl GtidSet {
    pub(crate) fn empty(is_maria: bool) -> Self {
        if is_maria { Self::Maria(BTreeMap::new()) } else { Self::MySql(BTreeMap::new()) }
    }

    /// Reads a set; the error names what is none.
    pub(crate) fn parse(text: &str, is_maria: bool) -> Result<Self, String> {
        let mut set = Self::empty(is_maria);
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            set.add(part).ok_or_else(|| part.to_owned())?;
        }
        Ok(set)
    }

    /// Adds one or more of a source; `None` if it is none.
    pub(crate) fn add(&mut self, text: &str) -> Option<()> {
        match self {
            Self::Maria(domains) => {
                let mut numbers = text.split('-').map(|part| part.trim().parse::<u64>());
                let mut next = || numbers.next()?.ok();
                let (domain, server, sequence) = (next()?, next()?, next()?);
                domains.insert(domain, (server, sequence));
            }
            Self::MySql(sources) => {
                let mut parts = text.split(':').map(str::trim);
                let uuid = parts.next().filter(|uuid| uuid.len() == 36)?.to_ascii_lowercase();
                let mut source = uuid.clone();
                for part in parts {
                    let starts_with_digit = part.starts_with(|c: char| c.is_ascii_digit());
                    if !starts_with_digit {
                        source = format!("{uuid}:{}", part.to_ascii_lowercase());
                        continue;
                    }
                    let (from, to) = part.split_once('-').unwrap_or((part, part));
                    let range = (from.trim().parse().ok()?, to.trim().parse().ok()?);
                    insert(sources.entry(source.clone()).or_default(), range);
                }
            }
        }
        Some(())
    }

    /// Only of sources that count.
    pub(crate) fn retain(&mut self, filter: &SourceFilter) {
        match self {
            Self::Maria(domains) => {
                domains.retain(|domain, (server, _)| filter.takes(&format!("{domain}-{server}")));
            }
            Self::MySql(sources) => sources.retain(|source, _| filter.takes(source)),
        }
    }

    /// Whether all of it is in another one.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Maria(own), Self::Maria(other)) => own.iter().all(|(domain, (_, sequence))| {
                other.get(domain).is_some_and(|(_, known)| sequence <= known)
            }),
            (Self::MySql(own), Self::MySql(other)) => own.iter().all(|(source, ranges)| {
                other.get(source).is_some_and(|known| {
                    ranges.iter().all(|(from, to)| known.iter().any(|(a, b)| a <= from && to <= b))
                })
            }),
            _ => false,
        }
    }

    /// Adds all of another one.
    pub(crate) fn merge(&mut self, other: &Self) {
        match (self, other) {
            (Self::Maria(own), Self::Maria(other)) => {
                for (domain, (server, sequence)) in other {
                    let known = own.entry(*domain).or_insert((*server, *sequence));
                    if known.1 < *sequence {
                        *known = (*server, *sequence);
                    }
                }
            }
            (Self::MySql(own), Self::MySql(other)) => {
                for (source, ranges) in other {
                    let known = own.entry(source.clone()).or_default();
                    for range in ranges {
                        insert(known, *range);
                    }
                }
            }
            _ => {}
        }
    }
}

fn insert(ranges: &mut Vec<(u64, u64)>, range: (u64, u64)) {
    // Nearly always the next one.
    if let Some((_, last)) = ranges.last_mut()
        && last.checked_add(1) == Some(range.0)
    {
        *last = range.1;
        return;
    }
    ranges.push(range);
    ranges.sort_unstable();
    let mut merged: Vec<(u64, u64)> = Vec::with_capacity(ranges.len());
    for (from, to) in ranges.drain(..) {
        match merged.last_mut() {
            Some((_, last)) if from <= last.saturating_add(1) => *last = to.max(*last),
            _ => merged.push((from, to)),
        }
    }
    *ranges = merged;
}

/// As the servers write it.
impl fmt::Display for GtidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        match self {
            Self::Maria(domains) => {
                for (domain, (server, sequence)) in domains {
                    write!(f, "{comma}{domain}-{server}-{sequence}")?;
                    comma = ",";
                }
            }
            Self::MySql(sources) => {
                for (source, ranges) in sources {
                    write!(f, "{comma}{source}")?;
                    for (from, to) in ranges {
                        match from == to {
                            true => write!(f, ":{from}")?,
                            false => write!(f, ":{from}-{to}")?,
                        }
                    }
                    comma = ",";
                }
            }
        }
        Ok(())
    }
}
