//! What a task reads: the directories of a server.

use gantry_api::{Error, Props, Result, SourceTaskContext, async_trait};

use super::config::{Server, as_directory, kind};
use super::connector::{definition, error_of};
use super::place::Remote;
use crate::spooldir::config::{Kind, Paths, Work, format};
use crate::spooldir::task::{Opened, Opens};

/// Opens a server's directory, with files of a kind, or of one that a key says.
#[derive(Debug)]
pub(super) struct Directory(pub(super) Option<Kind>);

#[async_trait]
impl Opens for Directory {
    const NAME: &'static str = "sftp";

    async fn open(&self, ctx: &SourceTaskContext, props: &Props) -> Result<Opened> {
        let parsed = definition(self.0).parse(props)?;
        let server = Server::new(&parsed).map_err(|refusal| error_of(&refusal))?;
        let kind = kind(self.0, props);
        let directory = kind.definition().parse(&as_directory(&parsed, props))?;
        let (format, stamps) = format(kind, &directory)?;
        let work = Work::new(&directory, stamps);
        let place = Remote::new(server, Paths::new(&parsed)?, &ctx.connector, ctx.task);
        let checked = tokio::task::spawn_blocking(move || (place.check(), place)).await;
        let (checked, place) = checked
            .map_err(|error| Error::connect(format!("looking at the server failed: {error}")))?;
        match checked {
            // It is waited for, as if it had gone away later.
            Err(refusal) if refusal.is_away() => {
                tracing::warn!("{refusal}; trying again");
            }
            checked => checked.map_err(|refusal| error_of(&refusal))?,
        }
        Ok(Opened { place: Box::new(place), work, format })
    }
}
