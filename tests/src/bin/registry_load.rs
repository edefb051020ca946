//! Load for a schema registry, the same for each side of a benchmark:
//! `registry-load HOST:PORT get PATH CONNECTIONS SECONDS [UNCOUNTED_SECONDS]` and
//! `registry-load HOST:PORT post PREFIX CONNECTIONS SECONDS subjects|versions|one`, where `PREFIX` is
//! what comes in front of `/subjects/…` and may end in a part of the subjects' names.
//! `registry-load HOST:PORT fill PREFIX CONNECTIONS COUNT` registers so many, each under a subject of
//! its own.
//!
//! Each connection sends its next request when the answer is there. One thread does all of it and
//! reads of an answer no more than it must, so that the server has the machine. Prints one line of
//! JSON.

use std::io::{Error, Write as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

type Failure = Box<dyn std::error::Error>;

const CONNECTIONS_MAX: usize = 1000;
/// So many versions has a subject before the next one begins, where versions are written.
const VERSIONS: usize = 50;

/// What is sent.
enum Load {
    /// The same again and again.
    Get(Vec<u8>),
    /// New schemas.
    Post { host: String, prefix: String, kind: Kind },
}

/// Where new schemas go.
#[derive(Clone, Copy)]
enum Kind {
    /// Each under a subject of its own.
    Subjects,
    /// Many versions of a subject; each connection has its own subjects.
    Versions,
    /// Versions of one subject, from all connections.
    One,
}

/// When to count, and when to end.
struct Span {
    counted: Instant,
    end: Instant,
    /// At most so many by each connection.
    most: usize,
}

/// An answer that was read: its status and its length.
struct Answer {
    status: u16,
    bytes: usize,
}

/// One connection and what was read of its next answer.
struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Connection {
    /// Sends a request and reads the answer.
    async fn ask(&mut self, request: &[u8]) -> Result<Answer, Failure> {
        self.stream.write_all(request).await?;
        loop {
            if let Some(answer) = answer(&self.read)? {
                self.read.drain(..answer.bytes);
                return Ok(answer);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err("the server closed the connection".into());
            }
        }
    }
}

/// The answer at the front, if all of it is there.
fn answer(read: &[u8]) -> Result<Option<Answer>, Failure> {
    let Some(head) = read.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let lines = std::str::from_utf8(&read[..head])?;
    let status = lines.split(' ').nth(1).ok_or("an answer without a status")?.parse()?;
    let header = |wanted: &str| {
        let headers = lines.lines().filter_map(|line| line.split_once(':'));
        let mut named = headers.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.next().map(|(_, value)| value.trim())
    };
    let body = head + 4;
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        let end = read[body..].windows(5).position(|five| five == b"0\r\n\r\n");
        return Ok(end.map(|end| Answer { status, bytes: body + end + 5 }));
    }
    let bytes = body + header("content-length").unwrap_or("0").parse::<usize>()?;
    Ok((read.len() >= bytes).then_some(Answer { status, bytes }))
}

impl Load {
    /// The request of a number, by a connection.
    fn request(&self, connection: usize, number: usize) -> Vec<u8> {
        let Self::Post { host, prefix, kind } = self else { return Vec::new() };
        let subject = match kind {
            Kind::Subjects => format!("{connection}-{number}"),
            Kind::Versions => format!("{connection}-{}", number / VERSIONS),
            Kind::One => "all".to_owned(),
        };
        let fields = "{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\"},{\\\"name\\\":\\\"customer\\\",\
            \\\"type\\\":\\\"string\\\"},{\\\"name\\\":\\\"amount\\\",\\\"type\\\":[\\\"null\\\",\\\"double\\\"],\
            \\\"default\\\":null},{\\\"name\\\":\\\"lines\\\",\\\"type\\\":{\\\"type\\\":\\\"array\\\",\
            \\\"items\\\":\\\"string\\\"}},{\\\"name\\\":\\\"number\\\",\\\"type\\\":\\\"long\\\",\\\"default\\\":";
        let unique = number * CONNECTIONS_MAX + connection;
        let body = format!(
            "{{\"schema\":\"{{\\\"type\\\":\\\"record\\\",\\\"name\\\":\\\"Order\\\",\
             \\\"namespace\\\":\\\"bench.orders\\\",\\\"fields\\\":[{fields}{unique}}}]}}\"}}"
        );
        format!(
            "POST {prefix}{subject}/versions HTTP/1.1\r\nHost: {host}\r\n\
             Content-Type: application/vnd.schemaregistry.v1+json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }

    /// One connection's requests; how long each took, in tenths of a microsecond.
    async fn run(
        &self,
        address: &str,
        connection: usize,
        span: &Span,
    ) -> Result<Vec<u32>, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut asked = Connection { stream, read: Vec::with_capacity(1 << 16) };
        let mut took = Vec::new();
        for number in 0..span.most {
            let made = self.request(connection, number);
            let request = if let Self::Get(request) = self { request } else { &made };
            let begun = Instant::now();
            if begun >= span.end {
                break;
            }
            let answer = asked.ask(request).await?;
            if answer.status != 200 {
                let request = String::from_utf8_lossy(request).into_owned();
                return Err(format!("status {} for {request}", answer.status).into());
            }
            if begun >= span.counted {
                let tenths = begun.elapsed().as_nanos() / 100;
                took.push(u32::try_from(tenths).unwrap_or(u32::MAX));
            }
        }
        Ok(took)
    }
}

fn load(address: &str, words: &[String]) -> Result<(Load, usize, Span), Failure> {
    let word = |at: usize| words.get(at).map(String::as_str).ok_or("too few words; see the source");
    let now = Instant::now();
    let seconds = |text: &str| text.parse().map(Duration::from_secs_f64);
    let connections = word(2)?.parse()?;
    let post = |kind| -> Result<Load, Failure> {
        Ok(Load::Post { host: address.to_owned(), prefix: word(1)?.to_owned(), kind })
    };
    Ok(match word(0)? {
        "get" => {
            let request = format!("GET {} HTTP/1.1\r\nHost: {address}\r\n\r\n", word(1)?);
            let counted = now + seconds(word(4).unwrap_or("0"))?;
            let span = Span { counted, end: counted + seconds(word(3)?)?, most: usize::MAX };
            (Load::Get(request.into_bytes()), connections, span)
        }
        "post" => {
            let kind = match word(4)? {
                "subjects" => Kind::Subjects,
                "versions" => Kind::Versions,
                "one" => Kind::One,
                other => return Err(format!("no kind {other}").into()),
            };
            let span = Span { counted: now, end: now + seconds(word(3)?)?, most: usize::MAX };
            (post(kind)?, connections, span)
        }
        "fill" => {
            let most = word(3)?.parse::<usize>()?.div_ceil(connections);
            let span = Span { counted: now, end: now + Duration::from_secs(3600), most };
            (post(Kind::Subjects)?, connections, span)
        }
        other => return Err(format!("no load {other}").into()),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1);
    let address = words.next().ok_or("too few words; see the source")?;
    let (load, connections, span) = load(&address, &words.collect::<Vec<_>>())?;
    let begun = span.counted;
    let (load, span, address) = (Rc::new(load), Rc::new(span), Rc::new(address));
    let local = tokio::task::LocalSet::new();
    let tasks: Vec<_> = (0..connections)
        .map(|connection| {
            let (load, span, address) = (Rc::clone(&load), Rc::clone(&span), Rc::clone(&address));
            local.spawn_local(async move {
                let run = load.run(&address, connection, &span).await;
                run.map_err(|error| Error::other(error.to_string()))
            })
        })
        .collect();
    local.await;
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    let seconds = begun.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |part: f64| {
        let last = took.len().saturating_sub(1) as f64;
        took.get((last * part) as usize).map_or(0.0, |tenths| f64::from(*tenths) / 10.0)
    };
    writeln!(
        std::io::stdout(),
        "{{\"requests\":{},\"seconds\":{seconds:.3},\"per_s\":{:.1},\"p50_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1}}}",
        took.len(),
        took.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(1.0),
    )?;
    Ok(())
}
