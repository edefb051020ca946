//! Listens to channels, beside the task, and again after the connection broke.

use std::sync::Arc;
use std::time::Duration;

use gantry_api::{CancellationToken, Error};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::super::client::{Channels, Client, Fault, Message, Place, Subscription};

/// Messages that wait to be taken.
const MESSAGES: usize = 1024;
const BACKOFF_MIN: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(10);

/// What was heard.
#[derive(Debug)]
pub(super) enum Heard {
    /// From now on it listens; what was said before is not known.
    Begun,
    Message(Message),
    /// It has ended for good.
    Failed(Error),
}

/// Listens until it is cancelled or nobody takes what it hears.
pub(super) fn listen(
    place: Arc<Place>,
    channels: Channels,
    cancel: CancellationToken,
) -> Receiver<Heard> {
    let (sender, receiver) = mpsc::channel(MESSAGES);
    tokio::spawn(async move {
        tokio::select! {
            () = cancel.cancelled() => {}
            () = run(place, channels, sender) => {}
        }
    });
    receiver
}

async fn run(place: Arc<Place>, channels: Channels, sender: Sender<Heard>) {
    let shown = place.shown();
    let mut client = Client::new(place, Duration::ZERO);
    let mut backoff = BACKOFF_MIN;
    while !sender.is_closed() {
        let fault = match open(&mut client, &channels).await {
            Ok(subscription) => {
                backoff = BACKOFF_MIN;
                hear(subscription, &sender).await
            }
            Err(fault) => fault,
        };
        let error = fault.error(&shown);
        if !error.is_retriable() {
            // Nobody to tell it: the task was stopped meanwhile.
            drop(sender.send(Heard::Failed(error)).await);
            return;
        }
        tracing::warn!(%error, "listening ended and begins again; what is said meanwhile is not heard");
        tokio::time::sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}

async fn open(client: &mut Client, channels: &Channels) -> Result<Subscription, Fault> {
    Subscription::open(&client.opener().await?, channels).await
}

/// Until the connection breaks.
async fn hear(mut subscription: Subscription, sender: &Sender<Heard>) -> Fault {
    let closed = || Fault::Passing("the task was stopped".to_owned());
    if sender.send(Heard::Begun).await.is_err() {
        return closed();
    }
    loop {
        match subscription.next().await {
            Ok(message) => {
                if sender.send(Heard::Message(message)).await.is_err() {
                    return closed();
                }
            }
            Err(fault) => return fault,
        }
    }
}
