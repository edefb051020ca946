//! One bulk request, until each of its documents is written or refused.

use std::collections::HashSet;
use std::sync::Arc;

use gantry_api::SinkRecord;
use hyper::Method;
use hyper::body::Bytes;

use super::answer::{Class, Refusal, refusal, refusals};
use super::cluster::{Body, Cluster, Halt, describe, failed};

/// Of each document only whether it was written, and of those that were not why.
const PATH: &str = "/_bulk?filter_path=errors,items.*.status,items.*.error";
const WHAT: &str = "execute bulk request";

/// A record in a request.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) record: SinkRecord,
    /// Where its lines begin.
    pub(super) start: usize,
    /// Whether a conflict can only mean that this record or a newer one of its id was written.
    pub(super) is_own: bool,
    /// Tells documents apart whose order counts; 0 where it does not.
    pub(super) hash: u64,
}

/// Records that are sent together.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) body: Bytes,
    pub(super) items: Vec<Item>,
}

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) batch: Batch,
    /// By places.
    pub(super) refused: Vec<(usize, Refusal)>,
    /// What is not refused is written, if this is no error.
    pub(super) end: Result<(), Halt>,
}

/// Places of a batch that are sent together.
struct Part {
    places: Vec<usize>,
    attempts: u32,
}

/// What an attempt came to.
enum Attempt {
    Done(Vec<(usize, Refusal)>),
    /// The server wants less at once, or one of the documents makes it refuse all.
    Refused(Refusal),
    Again(String, Option<std::time::Duration>),
}

impl Batch {
    fn lines(&self, place: usize) -> &[u8] {
        let start = |place: usize| self.items.get(place).map_or(self.body.len(), |item| item.start);
        self.body.get(start(place)..start(place + 1)).unwrap_or_default()
    }

    fn part(&self, places: &[usize]) -> Bytes {
        if places.len() == self.items.len() {
            return self.body.clone();
        }
        let all: Vec<u8> = places.iter().flat_map(|place| self.lines(*place)).copied().collect();
        all.into()
    }

    /// The documents to send again, and those behind them that change the same document: they must not
    /// come before.
    fn again(&self, sent: &[usize], busy: &[usize]) -> Vec<usize> {
        let wanted: HashSet<usize> = busy.iter().copied().collect();
        let mut hashes = HashSet::new();
        let mut again = Vec::new();
        for place in sent {
            let hash = self.items.get(*place).map_or(0, |item| item.hash);
            if wanted.contains(place) || (hash != 0 && hashes.contains(&hash)) {
                hashes.insert(hash);
                again.push(*place);
            }
        }
        again
    }
}

/// Sends a batch.
pub(super) async fn run(cluster: Arc<Cluster>, batch: Batch) -> Outcome {
    let mut refused = Vec::new();
    let end = send(&cluster, &batch, &mut refused).await;
    refused.sort_by_key(|(place, _)| *place);
    Outcome { batch, refused, end }
}

async fn send(
    cluster: &Cluster,
    batch: &Batch,
    refused: &mut Vec<(usize, Refusal)>,
) -> Result<(), Halt> {
    // In order, the next one last.
    let mut parts = vec![Part { places: (0..batch.items.len()).collect(), attempts: 0 }];
    while let Some(mut part) = parts.pop() {
        let (why, retry_after) = match attempt(cluster, batch, &part).await {
            Attempt::Done(found) => {
                let (later, for_good) = sort(batch, found, part.attempts < cluster.retry.max);
                let Some((_, first)) = later.first() else {
                    refused.extend(for_good);
                    continue;
                };
                let why = first.reason.clone();
                let busy: Vec<usize> = later.iter().map(|(place, _)| *place).collect();
                let again = batch.again(&part.places, &busy);
                // Those that are sent again are refused again, if they are.
                refused.extend(for_good.into_iter().filter(|(place, _)| !again.contains(place)));
                part.places = again;
                (why, None)
            }
            Attempt::Refused(why) if part.places.len() > 1 => {
                tracing::debug!(
                    documents = part.places.len(),
                    why = why.reason,
                    "a request is divided"
                );
                let behind = part.places.split_off(part.places.len() / 2);
                parts.push(Part { places: behind, attempts: 0 });
                parts.push(Part { places: part.places, attempts: 0 });
                continue;
            }
            Attempt::Refused(why) => {
                let is_known = why.class == Class::Malformed;
                let text = why.reason.clone();
                refused.extend(part.places.first().map(|place| (*place, why)));
                if !is_known {
                    // It may be none of the document's fault: the others are not tried one by one.
                    return Err(failed(WHAT, &text, part.attempts).into());
                }
                continue;
            }
            Attempt::Again(why, retry_after) => (why, retry_after),
        };
        if part.attempts >= cluster.retry.max {
            return Err(failed(WHAT, &why, part.attempts).into());
        }
        cluster.back_off(WHAT, &why, part.attempts, retry_after).await?;
        part.attempts += 1;
        parts.push(part);
    }
    Ok(())
}

type Refusals = Vec<(usize, Refusal)>;

/// Which of them are worth another attempt.
fn sort(batch: &Batch, found: Refusals, may_retry: bool) -> (Refusals, Refusals) {
    found.into_iter().partition(|(place, refusal)| {
        let updates = batch.items.get(*place).is_some_and(|item| item.hash != 0);
        may_retry
            && match refusal.class {
                Class::Busy => true,
                // Somebody else changed the document meanwhile.
                Class::Conflict => {
                    updates && batch.items.get(*place).is_some_and(|item| !item.is_own)
                }
                Class::Malformed | Class::Other => false,
            }
    })
}

async fn attempt(cluster: &Cluster, batch: &Batch, part: &Part) -> Attempt {
    let body = Body::Lines(batch.part(&part.places));
    let answer = match cluster.ask(&Method::POST, PATH, &body).await {
        Ok(answer) => answer,
        Err(why) => return Attempt::Again(why, None),
    };
    let status = answer.status.as_u16();
    if answer.status.is_success() {
        return match refusals(&answer.body, part.places.len()) {
            Err(why) => Attempt::Again(why, None),
            Ok(found) => {
                let place = |at: usize| part.places.get(at).copied().unwrap_or(at);
                Attempt::Done(found.into_iter().map(|(at, why)| (place(at), why)).collect())
            }
        };
    }
    let why = describe(&answer);
    if status == 413 || status == 400 {
        let json = serde_json::from_slice(&answer.body).unwrap_or(serde_json::Value::Null);
        let error = json.get("error").unwrap_or(&serde_json::Value::Null);
        let mut refusal = refusal(u64::from(status), error);
        if status == 413 {
            refusal.class = Class::Malformed;
        }
        return Attempt::Refused(Refusal { reason: why, ..refusal });
    }
    Attempt::Again(why, answer.retry_after)
}
