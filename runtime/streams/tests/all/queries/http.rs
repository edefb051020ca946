//! A job that is asked over HTTP.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::{scene, send, start};
use crate::on_log::wait_for;

/// An answer.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

pub(super) fn ask(method: &str, address: &str, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub(super) fn get(address: &str, path: &str) -> Answer {
    ask("GET", address, path)
}

#[test]
fn all_that_a_job_can_be_asked() {
    let (dir, log) = scene();
    let job = start(&log, &dir);
    let address = job.serve("127.0.0.1:0").unwrap().to_string();
    let words = ["b", "a", "a b", "a b", "\u{fc}", "b"];
    send(&*log, &words.map(str::to_owned));
    let of_b = || get(&address, "/stores/counts/get?key=b");
    wait_for("the records", || {
        let told = of_b();
        told.status == 200 && told.json() == json!({ "key": "b", "value": 2 })
    });
    let json = |path: &str| {
        let told = get(&address, path);
        assert_eq!((told.status, told.header("content-type")), (200, Some("application/json")));
        told.json()
    };
    assert_eq!(json("/stores/counts/get?key=a%20b")["value"], 2);
    assert_eq!(json("/stores/counts/get?key=%C3%BC")["value"], 1);
    let entry = |key: &str, value: u64| json!({ "key": key, "value": value });
    assert_eq!(
        json("/stores/counts/range?from=a&to=b"),
        json!({ "entries": [entry("a", 1), entry("a b", 2), entry("b", 2)], "queues": [0], "queues_elsewhere": [] })
    );
    assert_eq!(json("/stores/counts/range?limit=1")["entries"], json!([entry("a", 1)]));
    let window = |key: &str, value: u64| json!({ "key": key, "value": value, "start_ms": 1000, "end_ms": 1010 });
    assert_eq!(json("/stores/windows/windows?key=b")["entries"], json!([window("b", 2)]));
    let path = "/stores/windows/windows?from_ms=1000&to_ms=1000&limit=2";
    assert_eq!(json(path)["entries"], json!([window("a", 1), window("a b", 2)]));
    assert_eq!(json("/stores/windows/windows?from_ms=1001")["entries"], json!([]));
    let names: Vec<Value> =
        json("/stores").as_array().unwrap().iter().map(|store| store["name"].clone()).collect();
    assert_eq!(names, ["counts", "even", "windows"]);
    assert_eq!(json("/stores")[2]["kind"], "windowed");
    wait_for("a checkpoint", || json("/")["tasks"][0]["records"] == 6);
    assert_eq!(json("/")["instances"][0]["tasks"], json!([{ "sub_topology": 0, "queue": 0 }]));
    assert!(get(&address, "/metrics").body.contains("gantry_streams_task_records_total"));
    assert!(get(&address, "/topology").body.starts_with("Topologies:"));
    assert!(get(&address, "/topology?format=dot").body.starts_with("digraph"));
    assert!(get(&address, "/topology?format=mermaid").body.starts_with("flowchart"));
    job.stop().unwrap();
    assert!(TcpStream::connect(&address).is_err());
}

#[test]
fn what_is_wrong_is_told_in_json() {
    let (dir, log) = scene();
    let job = start(&log, &dir);
    let address = job.serve("127.0.0.1:0").unwrap().to_string();
    wait_for("the task", || get(&address, "/stores/counts/range").status == 200);
    let faults = [
        ("/stores/counts/get?key=x", 404, "store counts has no key x"),
        (
            "/stores/count/get?key=x",
            404,
            "job asked has no store count: there are counts, even, windows",
        ),
        ("/stores/counts/get", 400, "missing field `key`"),
        ("/stores/counts/get?key=x&limit=1", 400, "unknown field `limit`"),
        ("/stores/counts/range?limit=0", 400, "limit=0: must be from 1 to 10000"),
        ("/stores/counts/range?limit=10001", 400, "limit=10001: must be from 1 to 10000"),
        ("/stores/counts/windows", 400, "it has no windows"),
        ("/stores/windows/get?key=a", 400, "it has windows"),
        ("/stores/windows/windows?from_ms=x", 400, "from_ms"),
        ("/topology?format=svg", 400, "format=svg: must be text, dot or mermaid"),
        ("/nothing", 404, "there is nothing at /nothing"),
    ];
    for (path, status, message) in faults {
        let told = get(&address, path);
        let body = told.json();
        assert_eq!((told.status, &body["error_code"]), (status, &json!(status)), "{path}: {body}");
        assert!(body["message"].as_str().unwrap().contains(message), "{path}: {body}");
    }
    let told = ask("DELETE", &address, "/stores");
    assert_eq!((told.status, &told.json()["error_code"]), (405, &json!(405)));
    let taken = job.serve(&address).unwrap_err().to_string();
    assert!(taken.starts_with(&format!("cannot listen on {address}: ")), "{taken}");
    job.stop().unwrap();
}
