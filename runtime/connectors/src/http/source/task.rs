//! The task: asks, waits, asks again.

use std::sync::Arc;

use gantry_api::{
    Error, OffsetMap, Props, Result, SourceOffset, SourcePartition, SourceRecord, SourceTask,
    SourceTaskContext, async_trait, now_ms,
};
use hyper::StatusCode;
use hyper::header::{ETAG, HeaderValue};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::config::{Config, Order, Paging};
use super::records::{Item, Place, Recorder, items, sort, time_of, unseen};
use super::request::{Requester, refused, shown};
use crate::web::client::Answer;

/// An answer's mark, and the URL that it is of.
#[derive(Clone, Debug)]
struct Mark {
    etag: HeaderValue,
    /// A hash: a URL may hold what is secret.
    url: String,
}

/// Pages that belong together.
#[derive(Clone, Debug)]
struct Pages {
    /// The page that comes next.
    url: String,
    /// The offset before the first page: what was seen before it is left out of all.
    begun: OffsetMap,
    /// Whether the record of that offset was seen.
    reached: bool,
    /// The newest record of the pages so far, where the offset stays until the last page.
    newest: Option<(i64, OffsetMap)>,
    circle: Circle,
}

/// Finds pages that lead in a circle, by one page that is remembered for ever longer times.
#[derive(Clone, Debug, Default)]
struct Circle {
    /// Its URL, hashed.
    kept: String,
    steps: u64,
    most: u64,
}

impl Circle {
    /// One page more; false if it was there before.
    fn step(&mut self, url: &str) -> bool {
        let hash = hash(url);
        if hash == self.kept {
            return false;
        }
        self.steps += 1;
        if self.steps > self.most {
            (self.kept, self.most, self.steps) = (hash, self.most * 2 + 1, 0);
        }
        true
    }
}

/// What an answer comes to.
struct Taken {
    records: Vec<SourceRecord>,
    offset: OffsetMap,
    pages: Option<Pages>,
    mark: Option<Mark>,
    /// Whether there were records, and they are old.
    is_behind: bool,
    /// Whether the answer had no items at all.
    is_blank: bool,
}

/// What is to be known of a page beside its items.
struct Page<'a> {
    /// Whether the offset stays where it is.
    holds: bool,
    /// Whether the record of the offset before the first page was seen.
    reached: bool,
    /// The offset before the first page.
    begun: &'a OffsetMap,
    next: Option<String>,
    circle: Circle,
}

struct Running {
    config: Config,
    requester: Requester,
    recorder: Recorder,
    marks: SourcePartition,
    offset: OffsetMap,
    pages: Option<Pages>,
    mark: Option<Mark>,
    next_at: Instant,
}

/// Asks a web service for records.
#[derive(Default)]
pub struct HttpSourceTask {
    running: Option<Running>,
}

impl std::fmt::Debug for HttpSourceTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpSourceTask")
    }
}

#[async_trait]
impl SourceTask for HttpSourceTask {
    async fn start(&mut self, ctx: SourceTaskContext, props: &Props) -> Result<()> {
        let checked = props.clone();
        // Key stores are files, which may be slow.
        let parsed = tokio::task::spawn_blocking(move || Config::parse(&checked)).await;
        let config = parsed.map_err(|error| Error::connect(error.to_string()))??;
        let partition = SourcePartition::new(OffsetMap::new());
        let marks = SourcePartition::of("gantry", "etag");
        let stored = ctx.offsets.offset(&partition).filter(|offset| !offset.is_empty());
        let mark = ctx.offsets.offset(&marks).as_ref().and_then(stored_mark);
        self.running = Some(Running {
            recorder: Recorder {
                topic: config.topic.as_str().into(),
                partition,
                has_schema: config.places.has_schema,
            },
            requester: Requester::new(config.clone())?,
            marks,
            offset: stored.unwrap_or_else(|| config.initial.clone()),
            pages: None,
            mark: mark.filter(|_| config.etag),
            next_at: Instant::now(),
            config,
        });
        Ok(())
    }

    async fn poll(&mut self) -> Result<Vec<SourceRecord>> {
        let running = self.running.as_mut().ok_or_else(|| Error::connect("Not started"))?;
        loop {
            tokio::time::sleep_until(running.next_at).await;
            // Nothing of it is kept before the answer is there: this future may be dropped.
            let taken = running.ask().await?;
            let records = running.accept(taken);
            if !records.is_empty() {
                return Ok(records);
            }
        }
    }

    async fn stop(&mut self) -> Result<()> {
        self.running = None;
        Ok(())
    }
}

impl Running {
    async fn ask(&self) -> Result<Taken> {
        let url = match &self.pages {
            Some(pages) => pages.url.clone(),
            None => self.requester.url(&self.offset)?,
        };
        let hash = hash(&url);
        let etag = self.mark.as_ref().filter(|mark| mark.url == hash && self.pages.is_none());
        let etag = etag.map(|mark| &mark.etag);
        let (answer, from) = self.requester.ask(&url, &self.offset, etag).await?;
        let status = answer.status.as_u16();
        let is_of = |codes: &[(u16, u16)]| {
            codes.iter().any(|(first, last)| (*first..=*last).contains(&status))
        };
        if answer.status == StatusCode::NOT_MODIFIED || is_of(&self.config.skip) {
            return Ok(self.nothing());
        }
        if !is_of(&self.config.process) {
            return Err(refused(&shown(&from), &answer));
        }
        self.take((&url, &from), hash, &answer)
    }

    /// Nothing new, and the last of its pages.
    fn nothing(&self) -> Taken {
        let (records, offset) = (Vec::new(), self.offset.clone());
        let mark = self.mark.clone();
        Taken { records, offset, pages: None, mark, is_behind: false, is_blank: true }
    }

    /// Takes an answer: `asked` was asked, and `url` has answered.
    fn take(&self, (asked, url): (&str, &str), hash: String, answer: &Answer) -> Result<Taken> {
        let about = |error: Error| Error::connect(format!("{}: {}", shown(url), error.message()));
        let body = std::str::from_utf8(&answer.body)
            .map_err(|error| about(Error::connect(format!("the answer is no UTF-8: {error}"))))?;
        let mut all = match body.trim().is_empty() {
            true => Vec::new(),
            false => items(&self.config.places, body).map_err(about)?,
        };
        let next = match body.trim().is_empty() && self.config.paging != Paging::Link {
            true => None,
            false => self.requester.next_page(asked, url, answer, body).map_err(about)?,
        };
        let mut circle =
            self.pages.as_ref().map_or_else(Circle::default, |pages| pages.circle.clone());
        if self.pages.is_none() {
            circle.step(asked);
        }
        if let Some(next) = &next
            && !circle.step(next)
        {
            return Err(about(Error::connect(format!(
                "the pages lead in a circle: the next one is {}, which was read before",
                shown(next)
            ))));
        }
        let is_blank = all.is_empty();
        sort(self.config.order, &mut all);
        let begun = self.pages.as_ref().map_or(&self.offset, |pages| &pages.begun);
        let newest_first = self.config.order == Order::Descending;
        let before = self.pages.as_ref().is_some_and(|pages| pages.reached);
        let place = match (self.pages.is_some() || next.is_some(), newest_first) {
            (false, _) => Place::Alone,
            (true, true) => Place::Before(before),
            (true, false) => Place::Behind(before),
        };
        let reached = unseen(self.config.seen, begun, &mut all, place);
        let newest_ms = all.iter().map(|item| item.timestamp_ms).max();
        let interval = i64::try_from(self.config.interval.as_millis()).unwrap_or(i64::MAX);
        let is_behind = newest_ms.is_some_and(|at| at < now_ms().saturating_sub(interval))
            && all.last().is_some_and(|item| time_of(&item.offset).is_some());
        // Pages of which the newest comes first are all read again by who stops within them: only
        // behind the last one the offset may pass over those of before.
        let holds = matches!(place, Place::Before(_));
        let mark = answer.headers.get(ETAG).filter(|_| self.config.etag && place == Place::Alone);
        let mark = mark.map(|etag| Mark { etag: etag.clone(), url: hash });
        let mut taken =
            Taken { pages: None, mark: mark.clone(), is_behind, is_blank, ..self.nothing() };
        self.give(all, Page { holds, reached, begun, next, circle }, &mut taken);
        if let Some(mark) = &mark
            && self.mark.as_ref().is_none_or(|old| old.etag != mark.etag || old.url != mark.url)
        {
            let offset = SourceOffset::Map(Arc::new(mark.to_offset()));
            taken.records.push(SourceRecord::position(self.marks.clone(), offset));
        }
        Ok(taken)
    }

    fn give(&self, all: Vec<Item>, page: Page<'_>, taken: &mut Taken) {
        let Page { holds, reached, begun, next, circle } = page;
        let before = self.pages.as_ref().and_then(|pages| pages.newest.clone());
        let newest = all.iter().max_by_key(|item| item.timestamp_ms);
        let newest = newest.map(|item| (item.timestamp_ms, item.offset.clone()));
        let newest = match (before, newest) {
            // Of the same time the newest is on the page that came first.
            (Some(before), Some(newest)) if newest.0 <= before.0 => Some(before),
            (before, newest) => newest.or(before),
        };
        for item in all {
            let offset = match holds {
                true => begun.clone(),
                false => item.offset.clone(),
            };
            taken.offset.clone_from(&offset);
            taken.records.push(self.recorder.record(item, offset));
        }
        match next {
            Some(url) => {
                taken.pages = Some(Pages { url, begun: begun.clone(), reached, newest, circle });
            }
            None if holds => {
                if let Some((_, offset)) = newest {
                    taken.offset.clone_from(&offset);
                    let at = SourceOffset::Map(Arc::new(offset));
                    taken.records.push(SourceRecord::position(self.recorder.partition.clone(), at));
                }
            }
            None => {}
        }
    }

    fn accept(&mut self, taken: Taken) -> Vec<SourceRecord> {
        let wait = match (&taken.pages, self.config.catchup) {
            // Pages without an end are not asked for without one.
            (Some(_), _) if taken.is_blank => self.config.backoff,
            (Some(_), _) => std::time::Duration::ZERO,
            (None, Some(catchup)) if taken.is_behind => catchup,
            _ => self.config.interval,
        };
        self.next_at = Instant::now() + wait;
        (self.offset, self.pages, self.mark) = (taken.offset, taken.pages, taken.mark);
        taken.records
    }
}

impl Mark {
    fn to_offset(&self) -> OffsetMap {
        let etag = String::from_utf8_lossy(self.etag.as_bytes()).into_owned();
        [("etag".to_owned(), etag.into()), ("url".to_owned(), self.url.clone().into())]
            .into_iter()
            .collect()
    }
}

fn stored_mark(offset: &OffsetMap) -> Option<Mark> {
    let text = |name: &str| offset.get(name)?.as_str();
    Some(Mark { etag: text("etag")?.parse().ok()?, url: text("url")?.to_owned() })
}

fn hash(url: &str) -> String {
    Sha256::digest(url.as_bytes()).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
