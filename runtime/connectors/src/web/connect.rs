//! Connections: TCP, through a proxy or not, and TLS.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::Uri;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::HeaderValue;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

/// A proxy's answer to CONNECT is not longer.
const TUNNEL_HEAD_MAX: usize = 8192;

pub(crate) type Sender = http1::SendRequest<Full<Bytes>>;

/// A proxy for all requests.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The header that says who asks.
    pub(crate) authorization: Option<HeaderValue>,
}

/// Whom connections go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) https: bool,
    /// Without the brackets of IPv6.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// Whom a URL of HTTP or HTTPS names.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let https = uri.scheme_str()? == "https";
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = uri.port_u16().unwrap_or(if https { 443 } else { 80 });
        Some(Self { https, host, port })
    }

    /// Host and port as the header Host and CONNECT have them.
    fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

/// Opens connections.
#[derive(Clone, Debug)]
pub(crate) struct Opener {
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) timeout: Duration,
}

impl Opener {
    /// A connection; the error says why there is none.
    pub(crate) async fn open(&self, origin: &Origin) -> Result<Sender, String> {
        match tokio::time::timeout(self.timeout, self.open_slowly(origin)).await {
            Ok(opened) => opened,
            Err(_) => Err(format!(
                "no connection to {} within {} ms",
                origin.authority(),
                self.timeout.as_millis()
            )),
        }
    }

    async fn open_slowly(&self, origin: &Origin) -> Result<Sender, String> {
        let (host, port) = match &self.proxy {
            Some(proxy) => (proxy.host.as_str(), proxy.port),
            None => (origin.host.as_str(), origin.port),
        };
        let mut stream = TcpStream::connect((host, port))
            .await
            .map_err(|error| format!("connection to {host}:{port}: {error}"))?;
        // Requests are written whole: waiting for more would only delay them.
        stream
            .set_nodelay(true)
            .map_err(|error| format!("connection to {host}:{port}: {error}"))?;
        if !origin.https {
            return handshake(stream).await;
        }
        if let Some(proxy) = &self.proxy {
            tunnel(&mut stream, proxy, &origin.authority()).await?;
        }
        let config = self.tls.as_ref().ok_or_else(|| "HTTPS was not set up".to_owned())?;
        let name = ServerName::try_from(origin.host.clone())
            .map_err(|_| format!("{} is no name that a certificate could have", origin.host))?;
        let stream = TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
            .map_err(|error| format!("TLS with {}: {error}", origin.authority()))?;
        handshake(stream).await
    }
}

async fn handshake<I>(stream: I) -> Result<Sender, String>
where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("connection: {error}"))?;
    // Ends when the sender is dropped or the server closes.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "an HTTP connection ended");
        }
    });
    Ok(sender)
}

/// Asks a proxy to connect to the server.
async fn tunnel(stream: &mut TcpStream, proxy: &Proxy, authority: &str) -> Result<(), String> {
    let fault = |what: String| format!("proxy {}:{}: {what}", proxy.host, proxy.port);
    let mut head = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
    if let Some(value) = &proxy.authorization {
        head.extend_from_slice(b"Proxy-Authorization: ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    stream.write_all(&head).await.map_err(|error| fault(error.to_string()))?;
    let mut answer = Vec::new();
    // Byte by byte, as what comes behind the head is TLS's; it is short and comes once.
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == TUNNEL_HEAD_MAX {
            return Err(fault("its answer is too long".to_owned()));
        }
        answer.push(stream.read_u8().await.map_err(|error| fault(error.to_string()))?);
    }
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some(code) if line.starts_with("HTTP/1.") && code.starts_with('2') => Ok(()),
        _ => Err(fault(format!("it does not connect: {line}"))),
    }
}
