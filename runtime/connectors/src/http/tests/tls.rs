//! HTTPS with certificates of an authority made for the test.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gantry_tls::{parse_certificates, parse_key};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::server::{Server, reply};
use super::*;
use Flavour::{Aiven, Confluent};

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// Runs openssl in a folder.
fn openssl(folder: &Path, arguments: &str) {
    let all = arguments.split(' ');
    let done = Command::new("openssl").args(all).current_dir(folder).output().unwrap();
    assert!(done.status.success(), "{arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

/// An authority, and certificates of a server and a client that it has signed.
pub(in crate::http) fn certificates(folder: &Path) {
    openssl(
        folder,
        &format!("req -x509 {EC} -keyout ca.key -out ca.pem -subj /CN=authority -days 2"),
    );
    std::fs::write(folder.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    std::fs::write(folder.join("other"), "subjectAltName=DNS:other.test").unwrap();
    for (name, extension) in [("server", "names"), ("client", "names"), ("stranger", "other")] {
        openssl(folder, &format!("req {EC} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        openssl(
            folder,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out {name}.pem \
                 -days 2 -extfile {extension}"
            ),
        );
    }
    let pkcs12 = "pkcs12 -export -passout pass:changeit";
    openssl(folder, &format!("{pkcs12} -in client.pem -inkey client.key -out client.p12"));
    let both = format!(
        "{}{}",
        std::fs::read_to_string(folder.join("client.pem")).unwrap(),
        std::fs::read_to_string(folder.join("client.key")).unwrap()
    );
    std::fs::write(folder.join("both.pem"), both).unwrap();
}

pub(in crate::http) async fn server(folder: &Path, name: &str, mutual: bool) -> Server {
    let read = |file: String| std::fs::read_to_string(folder.join(file)).unwrap();
    let chain = parse_certificates(&read(format!("{name}.pem"))).unwrap();
    let key = parse_key(&read(format!("{name}.key")), None, "").unwrap();
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = if mutual {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(parse_certificates(&read("ca.pem".to_owned())).unwrap());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    Server::with_tls(|_, _| reply(200, ""), Some(config)).await
}

/// What a request came to: an error's text, or nothing.
async fn sent(flavour: Flavour, server: &Server, keys: &[(&str, &str)]) -> Option<String> {
    let url = server.url("/").replace("http:", "https:");
    let mut all = match flavour {
        Aiven => aiven(&url, keys),
        Confluent => confluent(&url, keys),
    };
    all.insert("max.retries".to_owned(), "0".to_owned());
    let mut task = Task::new(flavour, &all).await;
    task.put(&[record(0, "k", "x")]).await.unwrap();
    task.errant().pop().map(|(_, text)| text)
}

#[tokio::test]
async fn servers_prove_who_they_are() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let ca = file("ca.pem");
    let confluents =
        [("https.ssl.truststore.location", ca.as_str()), ("https.ssl.truststore.type", "PEM")];
    let aivens =
        [("http.ssl.truststore.location", ca.as_str()), ("gantry.http.ssl.truststore.type", "PEM")];
    let fine = server(folder.path(), "server", false).await;
    assert_eq!(sent(Confluent, &fine, &confluents).await, None);
    assert_eq!(sent(Aiven, &fine, &aivens).await, None);
    let other = server(folder.path(), "stranger", false).await;
    let text = sent(Confluent, &other, &confluents).await.unwrap();
    assert!(text.contains("not valid for name"), "{text}");
    let lax = [&confluents[..], &[("https.host.verifier.enabled", "false")]].concat();
    assert_eq!(sent(Confluent, &other, &lax).await, None);
    // A certificate that signs itself, and is trusted itself.
    let own = format!(
        "req -x509 {EC} -keyout own.key -out own.pem -subj /CN=own -days 2 -addext \
         subjectAltName=IP:127.0.0.1"
    );
    openssl(folder.path(), &own);
    let alone = server(folder.path(), "own", false).await;
    let text = std::fs::read_to_string(folder.path().join("own.pem")).unwrap();
    let trusted = [
        ("https.ssl.truststore.certificates", text.as_str()),
        ("https.ssl.truststore.type", "PEM"),
    ];
    assert_eq!(sent(Confluent, &alone, &trusted).await, None);
    assert!(sent(Confluent, &alone, &confluents).await.is_some());
    // Not signed by the authority that is trusted.
    let elsewhere = tempfile::tempdir().unwrap();
    certificates(elsewhere.path());
    let unknown = server(elsewhere.path(), "server", false).await;
    for keys in [&confluents[..], &lax] {
        let text = sent(Confluent, &unknown, keys).await.unwrap();
        assert!(text.contains("invalid peer certificate"), "{text}");
    }
    let any = [("http.ssl.trust.all.certs", "true")];
    assert_eq!(sent(Aiven, &unknown, &any).await, None);
}

#[tokio::test]
async fn clients_prove_who_they_are() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (ca, p12, pem) = (file("ca.pem"), file("client.p12"), file("both.pem"));
    let server = server(folder.path(), "server", true).await;
    let trust =
        [("https.ssl.truststore.location", ca.as_str()), ("https.ssl.truststore.type", "PEM")];
    let stranger = sent(Confluent, &server, &trust).await;
    assert!(stranger.is_some());
    let known = [
        ("auth.type", "SSL"),
        ("https.ssl.keystore.location", p12.as_str()),
        ("https.ssl.keystore.password", "changeit"),
        ("https.ssl.keystore.type", "PKCS12"),
    ];
    assert_eq!(sent(Confluent, &server, &[&trust[..], &known].concat()).await, None);
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (key, chain) = (read("client.key"), read("client.pem"));
    let inline = [
        ("auth.type", "SSL"),
        ("https.ssl.keystore.key", key.as_str()),
        ("https.ssl.keystore.certificate.chain", chain.as_str()),
        ("https.ssl.keystore.type", "PEM"),
    ];
    assert_eq!(sent(Confluent, &server, &[&trust[..], &inline].concat()).await, None);
    let aivens = [
        ("http.ssl.truststore.location", ca.as_str()),
        ("gantry.http.ssl.truststore.type", "PEM"),
        ("gantry.http.ssl.keystore.location", pem.as_str()),
        ("gantry.http.ssl.keystore.type", "PEM"),
    ];
    assert_eq!(sent(Aiven, &server, &aivens).await, None);
    assert_eq!(server.asked().len(), 3);
}

/// A proxy that connects to whom it is asked for if the client says who it is.
async fn proxy() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let to = head.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap();
            if !head.contains("Proxy-Authorization: Basic dTpw\r\n") {
                stream.write_all(b"HTTP/1.1 407 Who\r\n\r\n").await.unwrap();
                continue;
            }
            let mut server = tokio::net::TcpStream::connect(to).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 Connected\r\nA: b\r\n\r\n").await.unwrap();
            tokio::spawn(async move {
                drop(tokio::io::copy_bidirectional(&mut stream, &mut server).await);
            });
        }
    });
    port
}

#[tokio::test]
async fn https_goes_through_a_proxy() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let ca = folder.path().join("ca.pem").to_str().unwrap().to_owned();
    let port = proxy().await.to_string();
    let server = server(folder.path(), "server", false).await;
    let keys = [
        ("https.ssl.truststore.location", ca.as_str()),
        ("https.ssl.truststore.type", "PEM"),
        ("http.proxy.host", "127.0.0.1"),
        ("http.proxy.port", &port),
        ("http.proxy.user", "u"),
    ];
    let known = [&keys[..], &[("http.proxy.password", "p")]].concat();
    assert_eq!(sent(Confluent, &server, &known).await, None);
    assert_eq!(server.asked()[0].path, "/");
    assert_eq!(server.asked()[0].header("proxy-authorization"), None);
    let text = sent(Confluent, &server, &keys).await.unwrap();
    assert!(text.contains("it does not connect: HTTP/1.1 407 Who"), "{text}");
}
