//! Redis as connectors see it: where it is, connections, and what goes wrong.

mod address;
mod fault;
mod link;
mod open;
mod subscription;
mod tls;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use address::{Mode, PORT, Password, Place, Uri, parse_hosts};
pub(crate) use fault::Fault;
pub(crate) use link::{Executed, Link};
pub(crate) use open::Opener;
pub(crate) use subscription::{Channels, Message, Subscription};
pub(crate) use tls::{Files, Store, Tls};

/// A connection that is opened when it is needed, and again after it broke.
#[derive(Debug)]
pub(crate) struct Client {
    place: Arc<Place>,
    patience: Duration,
    opener: Option<Opener>,
    link: Option<Link>,
}

impl Client {
    /// None as yet. `patience`: how long the server may wait by itself before it answers.
    pub(crate) fn new(place: Arc<Place>, patience: Duration) -> Self {
        Self { place, patience, opener: None, link: None }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The connection.
    pub(crate) async fn link(&mut self) -> Result<&mut Link, Fault> {
        let link = match self.link.take() {
            Some(link) => link,
            None => self.opener().await?.open().await?,
        };
        Ok(self.link.insert(link))
    }

    /// What opens connections.
    pub(crate) async fn opener(&mut self) -> Result<Opener, Fault> {
        match &self.opener {
            Some(opener) => Ok(opener.clone()),
            None => {
                let opener = Opener::new(Arc::clone(&self.place), self.patience).await?;
                self.opener = Some(opener.clone());
                Ok(opener)
            }
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.link.is_some()
    }

    /// The next one is another.
    pub(crate) fn close(&mut self) {
        self.link = None;
    }
}
