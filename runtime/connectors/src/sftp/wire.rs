//! SFTP, version 3, as a client speaks it: requests are numbered, so that several may be under way at once.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{self, ErrorKind};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const VERSION: u32 = 3;
/// Longer answers are no answers.
const ANSWER_BYTES_MAX: usize = 1 << 20;

const INIT: u8 = 1;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const FSTAT: u8 = 8;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REMOVE: u8 = 13;
const MKDIR: u8 = 14;
const RMDIR: u8 = 15;
const REALPATH: u8 = 16;
const STAT: u8 = 17;
const RENAME: u8 = 18;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;
const NAME: u8 = 104;
const ATTRS: u8 = 105;
const EXTENDED: u8 = 200;

const STATUS_OK: u32 = 0;
const STATUS_EOF: u32 = 1;
const STATUS_NO_SUCH_FILE: u32 = 2;
const STATUS_PERMISSION_DENIED: u32 = 3;
const STATUS_NO_CONNECTION: u32 = 6;
const STATUS_CONNECTION_LOST: u32 = 7;
const STATUS_UNSUPPORTED: u32 = 8;

/// Renames a file over one that is there.
const POSIX_RENAME: &str = "posix-rename@openssh.com";

/// Reads.
pub(super) const FOR_READING: u32 = 0x1;
/// Writes to a file that is made, or made empty.
pub(super) const FOR_WRITING: u32 = 0x2 | 0x8 | 0x10;

const KIND: u32 = 0o170_000;
const KIND_DIRECTORY: u32 = 0o040_000;
const KIND_FILE: u32 = 0o100_000;
const KIND_LINK: u32 = 0o120_000;

/// What the server says of a file, as far as it says it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) length: Option<u64>,
    mode: Option<u32>,
    pub(super) modified_s: Option<u32>,
}

impl Attributes {
    fn is(self, kind: u32) -> bool {
        self.mode.is_some_and(|mode| mode & KIND == kind)
    }
    pub(super) fn is_directory(self) -> bool {
        self.is(KIND_DIRECTORY)
    }
    pub(super) fn is_file(self) -> bool {
        self.is(KIND_FILE)
    }
    /// Whether the file has to be asked for, as a link's own attributes say nothing, or some are missing.
    pub(super) fn is_open_question(self) -> bool {
        self.is(KIND_LINK)
            || self.mode.is_none()
            || self.length.is_none()
            || self.modified_s.is_none()
    }
}

/// Why a request came to nothing.
#[derive(Debug)]
pub(super) enum Failure {
    /// The server said so; the connection goes on.
    Refused(io::Error),
    /// The connection cannot be used any more.
    Broken(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Broken(match error.kind() {
            ErrorKind::UnexpectedEof => "the server has closed it".to_owned(),
            _ => error.to_string(),
        })
    }
}

pub(super) type Answered<T> = Result<T, Failure>;

fn nonsense() -> Failure {
    Failure::Broken("the server's answer is none of SFTP's".to_owned())
}

/// A request that is being written.
struct Request {
    bytes: BytesMut,
}

impl Request {
    fn new(kind: u8, id: u32) -> Self {
        let mut bytes = BytesMut::with_capacity(64);
        bytes.put_u32(0);
        bytes.put_u8(kind);
        bytes.put_u32(id);
        Self { bytes }
    }
    fn text(mut self, text: &[u8]) -> Self {
        self.bytes.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.put_slice(text);
        self
    }
    fn number(mut self, number: u32) -> Self {
        self.bytes.put_u32(number);
        self
    }
    fn long(mut self, number: u64) -> Self {
        self.bytes.put_u64(number);
        self
    }
    fn done(mut self) -> BytesMut {
        let length = u32::try_from(self.bytes.len().saturating_sub(4)).unwrap_or(u32::MAX);
        if let Some(head) = self.bytes.get_mut(..4) {
            head.copy_from_slice(&length.to_be_bytes());
        }
        self.bytes
    }
}

fn number(bytes: &mut Bytes) -> Answered<u32> {
    bytes.try_get_u32().map_err(|_| nonsense())
}

fn text(bytes: &mut Bytes) -> Answered<Bytes> {
    let length = number(bytes)? as usize;
    if bytes.len() < length {
        return Err(nonsense());
    }
    Ok(bytes.split_to(length))
}

fn attributes(bytes: &mut Bytes) -> Answered<Attributes> {
    let flags = number(bytes)?;
    let mut found = Attributes::default();
    if flags & 0x1 != 0 {
        found.length = Some(bytes.try_get_u64().map_err(|_| nonsense())?);
    }
    if flags & 0x2 != 0 {
        number(bytes)?;
        number(bytes)?;
    }
    if flags & 0x4 != 0 {
        found.mode = Some(number(bytes)?);
    }
    if flags & 0x8 != 0 {
        number(bytes)?;
        found.modified_s = Some(number(bytes)?);
    }
    if flags & 0x8000_0000 != 0 {
        for _ in 0..number(bytes)? {
            text(bytes)?;
            text(bytes)?;
        }
    }
    Ok(found)
}

/// An answer: its kind, and what follows its number.
type Answer = (u8, Bytes);

/// What a status other than that of success means.
fn refusal(bytes: &mut Bytes) -> Failure {
    let code = match number(bytes) {
        Ok(code) => code,
        Err(failure) => return failure,
    };
    let said =
        text(bytes).map(|text| String::from_utf8_lossy(&text).into_owned()).unwrap_or_default();
    let kind = match code {
        STATUS_EOF => ErrorKind::UnexpectedEof,
        STATUS_NO_SUCH_FILE => ErrorKind::NotFound,
        STATUS_PERMISSION_DENIED => ErrorKind::PermissionDenied,
        STATUS_UNSUPPORTED => ErrorKind::Unsupported,
        STATUS_NO_CONNECTION | STATUS_CONNECTION_LOST => return Failure::Broken(said),
        _ => ErrorKind::Other,
    };
    let said = match (&*said, code) {
        ("", code) => format!("the server answers with status {code}"),
        (_, _) => said,
    };
    Failure::Refused(io::Error::new(kind, said))
}

fn expect(kind: u8, (found, mut bytes): Answer) -> Answered<Bytes> {
    match found {
        found if found == kind => Ok(bytes),
        STATUS => Err(refusal(&mut bytes)),
        _ => Err(nonsense()),
    }
}

fn success((kind, mut bytes): Answer) -> Answered<()> {
    if kind != STATUS {
        return Err(nonsense());
    }
    let mut rest = bytes.clone();
    match number(&mut bytes)? {
        STATUS_OK => Ok(()),
        _ => Err(refusal(&mut rest)),
    }
}

/// The end of a file or a directory is no failure.
fn unless_end<T>(answered: Answered<T>) -> Answered<Option<T>> {
    match answered {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Refused(error)) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A connection to the server's file system.
pub(super) struct Wire<S> {
    stream: S,
    next_id: u32,
    /// Answers that came before the one that was waited for.
    early: HashMap<u32, Answer>,
    /// Requests whose answers nobody waits for.
    dropped: HashSet<u32>,
    renames_over: bool,
}

impl<S> fmt::Debug for Wire<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire(next request {})", self.next_id)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// Greets the server.
    pub(super) async fn open(stream: S) -> Answered<Self> {
        let mut wire = Self {
            stream,
            next_id: 0,
            early: HashMap::new(),
            dropped: HashSet::new(),
            renames_over: false,
        };
        wire.stream.write_all(&Request::new(INIT, VERSION).done()).await?;
        wire.stream.flush().await?;
        let (kind, mut bytes) = wire.packet().await?;
        if kind != INIT + 1 || number(&mut bytes)? < VERSION {
            return Err(nonsense());
        }
        while bytes.has_remaining() {
            let (name, _) = (text(&mut bytes)?, text(&mut bytes)?);
            wire.renames_over |= *name == *POSIX_RENAME.as_bytes();
        }
        Ok(wire)
    }

    async fn packet(&mut self) -> Answered<Answer> {
        let length = self.stream.read_u32().await? as usize;
        if length == 0 || length > ANSWER_BYTES_MAX {
            return Err(nonsense());
        }
        let mut bytes = BytesMut::zeroed(length);
        self.stream.read_exact(&mut bytes).await?;
        let mut bytes = bytes.freeze();
        let kind = bytes.get_u8();
        Ok((kind, bytes))
    }

    async fn send(&mut self, kind: u8, fill: impl FnOnce(Request) -> Request) -> Answered<u32> {
        let id = self.next_id;
        self.next_id = id.wrapping_add(1);
        self.stream.write_all(&fill(Request::new(kind, id)).done()).await?;
        self.stream.flush().await?;
        Ok(id)
    }

    async fn answer(&mut self, id: u32) -> Answered<Answer> {
        if let Some(answer) = self.early.remove(&id) {
            return Ok(answer);
        }
        loop {
            let (kind, mut bytes) = self.packet().await?;
            let found = number(&mut bytes)?;
            if found == id {
                return Ok((kind, bytes));
            }
            if !self.dropped.remove(&found) {
                self.early.insert(found, (kind, bytes));
            }
        }
    }

    async fn ask(&mut self, kind: u8, fill: impl FnOnce(Request) -> Request) -> Answered<Answer> {
        let id = self.send(kind, fill).await?;
        self.answer(id).await
    }

    /// Nobody waits for this request any more.
    fn forget(&mut self, id: u32) {
        if self.early.remove(&id).is_none() {
            self.dropped.insert(id);
        }
    }

    /// Nobody waits for these requests any more.
    pub(super) fn forget_all(&mut self, ids: Vec<u32>) {
        ids.into_iter().for_each(|id| self.forget(id));
    }

    /// The path as the server knows it: without a leading `/` it is one of the user's own directory.
    pub(super) async fn real_path(&mut self, path: &str) -> Answered<String> {
        let answer = self.ask(REALPATH, |request| request.text(path.as_bytes())).await?;
        let mut bytes = expect(NAME, answer)?;
        number(&mut bytes)?;
        String::from_utf8(text(&mut bytes)?.to_vec()).map_err(|_| {
            Failure::Refused(io::Error::new(ErrorKind::InvalidData, "its real path is not UTF-8"))
        })
    }

    pub(super) async fn stat(&mut self, path: &[u8]) -> Answered<Attributes> {
        let answer = self.ask(STAT, |request| request.text(path)).await?;
        attributes(&mut expect(ATTRS, answer)?)
    }

    /// Of a link itself.
    pub(super) async fn link_stat(&mut self, path: &[u8]) -> Answered<Attributes> {
        let answer = self.ask(LSTAT, |request| request.text(path)).await?;
        attributes(&mut expect(ATTRS, answer)?)
    }

    pub(super) async fn handle_stat(&mut self, handle: &[u8]) -> Answered<Attributes> {
        let answer = self.ask(FSTAT, |request| request.text(handle)).await?;
        attributes(&mut expect(ATTRS, answer)?)
    }

    pub(super) async fn open_file(&mut self, path: &[u8], how: u32) -> Answered<Bytes> {
        let open = |request: Request| request.text(path).number(how).number(0);
        text(&mut expect(HANDLE, self.ask(OPEN, open).await?)?)
    }

    /// Asks for a part of a file.
    pub(super) async fn begin_read(
        &mut self,
        handle: &[u8],
        at: u64,
        length: u32,
    ) -> Answered<u32> {
        self.send(READ, |request| request.text(handle).long(at).number(length)).await
    }

    /// The part that was asked for, or as much of it as there is; `None` at the end of the file.
    pub(super) async fn end_read(&mut self, id: u32) -> Answered<Option<Bytes>> {
        let answer = self.answer(id).await?;
        unless_end(expect(DATA, answer).and_then(|mut bytes| text(&mut bytes)))
    }

    /// The file is not read further: nobody waits for what was asked for.
    pub(super) async fn abandon(
        &mut self,
        handle: &[u8],
        reads: impl Iterator<Item = u32>,
    ) -> Answered<()> {
        reads.for_each(|id| self.forget(id));
        let id = self.send(CLOSE, |request| request.text(handle)).await?;
        self.forget(id);
        Ok(())
    }

    /// Writes a small file, in the place of one that is there.
    pub(super) async fn write_file(&mut self, path: &[u8], content: &[u8]) -> Answered<()> {
        let handle = self.open_file(path, FOR_WRITING).await?;
        let wrote = self.send(WRITE, |request| request.text(&handle).long(0).text(content)).await?;
        let closed = self.send(CLOSE, |request| request.text(&handle)).await?;
        let wrote = self.answer(wrote).await?;
        let closed = self.answer(closed).await?;
        success(wrote)?;
        success(closed)
    }

    /// Reads the beginning of a small file.
    pub(super) async fn read_file(&mut self, path: &[u8], length: u32) -> Answered<Bytes> {
        let handle = self.open_file(path, FOR_READING).await?;
        let id = self.begin_read(&handle, 0, length).await?;
        let read = self.end_read(id).await;
        self.abandon(&handle, std::iter::empty()).await?;
        Ok(read?.unwrap_or_default())
    }

    pub(super) async fn open_directory(&mut self, path: &[u8]) -> Answered<Bytes> {
        let answer = self.ask(OPENDIR, |request| request.text(path)).await?;
        text(&mut expect(HANDLE, answer)?)
    }

    /// The next files of a directory; `None` if these were all, and the directory is closed.
    pub(super) async fn next_files(
        &mut self,
        handle: &[u8],
    ) -> Answered<Option<Vec<(Bytes, Attributes)>>> {
        let answer = self.ask(READDIR, |request| request.text(handle)).await?;
        let Some(mut bytes) = unless_end(expect(NAME, answer))? else {
            self.abandon(handle, std::iter::empty()).await?;
            return Ok(None);
        };
        let mut found = Vec::new();
        for _ in 0..number(&mut bytes)? {
            let name = text(&mut bytes)?;
            text(&mut bytes)?;
            let attributes = attributes(&mut bytes)?;
            if *name != *b"." && *name != *b".." {
                found.push((name, attributes));
            }
        }
        Ok(Some(found))
    }

    pub(super) async fn remove(&mut self, path: &[u8]) -> Answered<()> {
        success(self.ask(REMOVE, |request| request.text(path)).await?)
    }

    pub(super) async fn remove_directory(&mut self, path: &[u8]) -> Answered<()> {
        success(self.ask(RMDIR, |request| request.text(path)).await?)
    }

    pub(super) async fn make_directory(&mut self, path: &[u8]) -> Answered<()> {
        success(self.ask(MKDIR, |request| request.text(path).number(0)).await?)
    }

    /// Renames, unless there is a file of that name.
    pub(super) async fn rename_new(&mut self, from: &[u8], to: &[u8]) -> Answered<()> {
        success(self.ask(RENAME, |request| request.text(from).text(to)).await?)
    }

    /// Renames, in the place of a file of that name: at once where the server can, else that one goes first.
    pub(super) async fn rename_over(&mut self, from: &[u8], to: &[u8]) -> Answered<()> {
        if self.renames_over {
            let rename =
                |request: Request| request.text(POSIX_RENAME.as_bytes()).text(from).text(to);
            return success(self.ask(EXTENDED, rename).await?);
        }
        let Err(failure) = self.rename_new(from, to).await else { return Ok(()) };
        let is_there = matches!(&failure, Failure::Refused(_)) && self.link_stat(to).await.is_ok();
        // What is not there any more must not cost the file of the other name.
        if !is_there || self.link_stat(from).await.is_err() {
            return Err(failure);
        }
        self.remove(to).await?;
        self.rename_new(from, to).await
    }
}
