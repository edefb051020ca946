//! The offset topic, followed beside the cluster.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use gantry_cluster::{Input, Orphans};
use gantry_log::Str;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::driver::{Asked, Host};
use crate::offsets::FencedOffsets;
use crate::{RETRY_MIN, clock};

/// Keeps the offsets current, for the REST API and for who takes a task over. `stop` ends it.
pub async fn follow_offsets<H: Host>(
    host: Arc<H>,
    offsets: Arc<FencedOffsets>,
    session_ms: u64,
    stop: CancellationToken,
) {
    let incarnation = host.member().incarnation();
    let mut told: BTreeMap<Str, (u64, u64)> = BTreeMap::new();
    let mut orphans = Orphans::default();
    let mut look = tokio::time::interval(Duration::from_millis(session_ms / 4));
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pruning = pin!(offsets.prune());
    loop {
        let step = async {
            offsets.follow().await?;
            // The first of those who live does what one has to do for all.
            if !host.member().state().is_first(incarnation) {
                orphans = Orphans::default();
                return Ok(());
            }
            offsets.keep(incarnation).await?;
            if look.tick().now_or_never().is_none() {
                return Ok(());
            }
            let ends = offsets.read(|fold| {
                let member = host.member();
                orphans.look(clock::now_ms(), session_ms, member.state(), fold)
            });
            offsets.end_sessions(ends).await
        };
        let done = tokio::select! {
            () = stop.cancelled() => return,
            never = &mut pruning => match never {},
            done = step => done,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "could not read the offset topic; trying again");
            tokio::time::sleep(RETRY_MIN * 5).await;
        }
        // The protocol knows by them which tasks can commit.
        for (name, generation, last) in offsets.stamps() {
            if told.insert(name.clone(), (generation, last)) != Some((generation, last)) {
                // Once the driver is gone nobody wants to know.
                let _ =
                    host.asked().send(Asked::Input(Input::Stamps { name, generation, last })).await;
            }
        }
    }
}
