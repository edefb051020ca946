//! One object on its way: parts are sent while later ones are made, and it is there when it is whole.

use gantry_api::{Bytes, Error};
use object_store::multipart::PartId;
use object_store::path::Path;
use tokio::task::JoinHandle;

use super::directory::{Directory, Writing};
use super::{Fault, S3, Store, object_path};

/// An object that is being written. After a [`Fault::Again`] a call may be made again, without bytes: what was accepted
/// is kept until the store has it.
#[derive(Debug)]
pub(in crate::objects) struct Upload {
    store: Store,
    key: String,
    /// Accepted, and not handed over yet.
    waiting: Option<Bytes>,
    state: State,
}

#[derive(Debug)]
enum State {
    New,
    Parts(Parts),
    File(Writing),
    /// What was written of a file is gone.
    Broken,
    Done,
}

#[derive(Debug)]
struct Parts {
    id: String,
    done: Vec<PartId>,
    /// To be sent again.
    failed: Option<Bytes>,
    under_way: Option<(Bytes, JoinHandle<Result<PartId, Fault>>)>,
}

impl Upload {
    pub(in crate::objects) fn new(store: Store, key: String) -> Self {
        Self { store, key, waiting: None, state: State::New }
    }

    pub(in crate::objects) fn key(&self) -> &str {
        &self.key
    }

    /// Sends one part that is not the last. Returns when the one before it is sent.
    pub(in crate::objects) async fn send(&mut self, part: Option<Bytes>) -> Result<(), Fault> {
        self.accept(part)?;
        if self.waiting.is_none() && matches!(self.state, State::New) {
            return Ok(());
        }
        match self.store.clone() {
            Store::S3(s3) => {
                let path = object_path(&self.key)?;
                if matches!(self.state, State::New) {
                    let parts = Parts::new(s3.begin(&path).await?);
                    self.state = State::Parts(parts);
                }
                let State::Parts(parts) = &mut self.state else { return Err(lost(&self.key)) };
                parts.settle(&s3, &path).await?;
                if let Some(part) = self.waiting.take() {
                    parts.begin(&s3, &path, part);
                }
                Ok(())
            }
            Store::Directory(directory) => self.write(&directory).await,
        }
    }

    /// Sends again what could not be sent. To be called before the next part is taken from where parts are made.
    pub(in crate::objects) async fn resume(&mut self) -> Result<(), Fault> {
        let has_failed = matches!(&self.state, State::Parts(parts) if parts.failed.is_some());
        if self.waiting.is_some() || has_failed { self.send(None).await } else { Ok(()) }
    }

    /// Sends what is left. The object is there on return.
    pub(in crate::objects) async fn finish(&mut self, rest: Option<Bytes>) -> Result<(), Fault> {
        // An empty object is one, too; an empty part is none.
        self.accept(rest.filter(|rest| !rest.is_empty() || matches!(self.state, State::New)))?;
        match self.store.clone() {
            _ if matches!(self.state, State::Done) => return Ok(()),
            Store::S3(s3) => self.finish_object(&s3).await?,
            Store::Directory(directory) => {
                self.write(&directory).await?;
                let State::File(writing) = &mut self.state else { return Err(lost(&self.key)) };
                let finished = writing.finish().await;
                self.unless_broken(finished).await?;
            }
        }
        self.waiting = None;
        self.state = State::Done;
        Ok(())
    }

    async fn finish_object(&mut self, s3: &S3) -> Result<(), Fault> {
        let path = object_path(&self.key)?;
        if matches!(self.state, State::New) {
            return s3.put(&path, self.waiting.clone().unwrap_or_default()).await;
        }
        self.send(None).await?;
        let State::Parts(parts) = &mut self.state else { return Err(lost(&self.key)) };
        parts.settle(s3, &path).await?;
        s3.complete(&path, &parts.id, parts.done.clone()).await
    }

    async fn write(&mut self, directory: &Directory) -> Result<(), Fault> {
        if matches!(self.state, State::New) {
            self.state = State::File(directory.begin(&self.key).await?);
        }
        let State::File(writing) = &mut self.state else { return Err(lost(&self.key)) };
        if let Some(block) = &self.waiting {
            let written = writing.write(block).await;
            self.unless_broken(written).await?;
            self.waiting = None;
        }
        Ok(())
    }

    /// After a fault nobody knows how much is in the file.
    async fn unless_broken(&mut self, result: Result<(), Fault>) -> Result<(), Fault> {
        let Err(fault) = result else { return Ok(()) };
        if let State::File(writing) = std::mem::replace(&mut self.state, State::Broken) {
            writing.abort().await;
        }
        Err(match fault {
            Fault::Again(error) => Fault::Lost(error),
            other => other,
        })
    }

    fn accept(&mut self, part: Option<Bytes>) -> Result<(), Fault> {
        if part.is_some() {
            if self.waiting.is_some() {
                return Err(Fault::Never(Error::connect(
                    "a part came before the last one was sent",
                )));
            }
            self.waiting = part;
        }
        Ok(())
    }

    /// Gives up: the store forgets what it was sent.
    pub(in crate::objects) async fn abort(mut self) {
        match std::mem::replace(&mut self.state, State::Done) {
            State::Parts(mut parts) => {
                if let Some((_, job)) = parts.under_way.take() {
                    job.abort();
                }
                if let (Store::S3(s3), Ok(path)) = (&self.store, object_path(&self.key)) {
                    s3.abort(&path, &parts.id).await;
                }
            }
            State::File(writing) => writing.abort().await,
            State::New | State::Broken | State::Done => {}
        }
    }
}

fn lost(key: &str) -> Fault {
    Fault::Lost(Error::retriable(format!("{key} has to be written from its beginning")))
}

impl Parts {
    fn new(id: String) -> Self {
        Self { id, done: Vec::new(), failed: None, under_way: None }
    }

    fn begin(&mut self, s3: &S3, path: &Path, part: Bytes) {
        let (s3, path, id, at) = (s3.clone(), path.clone(), self.id.clone(), self.done.len());
        let body = part.clone();
        let job = tokio::spawn(async move { s3.part(&path, &id, at, body).await });
        self.under_way = Some((part, job));
    }

    /// Waits until the part under way is sent; sends one again that failed before.
    async fn settle(&mut self, s3: &S3, path: &Path) -> Result<(), Fault> {
        if let Some(part) = self.failed.take() {
            self.begin(s3, path, part);
        }
        let Some((part, job)) = &mut self.under_way else { return Ok(()) };
        let ended = job.await;
        let part = part.clone();
        self.under_way = None;
        match ended {
            Ok(Ok(id)) => {
                self.done.push(id);
                Ok(())
            }
            Ok(Err(fault)) => {
                self.failed = Some(part);
                Err(fault)
            }
            Err(error) => {
                self.failed = Some(part);
                Err(Fault::Again(Error::retriable(format!("sending a part ended: {error}"))))
            }
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        if let Some((_, job)) = &self.under_way {
            job.abort();
        }
    }
}
