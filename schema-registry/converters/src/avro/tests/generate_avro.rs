//! Avro schemas of all kinds with bytes that they wrote, from a seed.

use fastrand::Rng;

use crate::avro::binary::put_long;

/// A schema and the bytes of a value.
pub(super) fn schema_and_bytes(seed: u64) -> (String, Vec<u8>) {
    let mut generator = Generator { rng: Rng::with_seed(seed), named: 0 };
    let (text, bytes) = generator.schema(4);
    // Bytes alone have no length.
    match text.starts_with(r#"{"type":"bytes""#) {
        true => (text, bytes[1..].to_vec()),
        false => (text, bytes),
    }
}

struct Generator {
    rng: Rng,
    named: usize,
}

type Made = (String, Vec<u8>);

fn number(value: i64) -> Vec<u8> {
    let mut out = Vec::new();
    put_long(&mut out, value);
    out
}

impl Generator {
    fn one_of(&mut self, texts: &[&'static str]) -> &'static str {
        self.rng.choice(texts.iter().copied()).unwrap()
    }

    /// Name, namespace and perhaps documentation.
    fn head(&mut self) -> String {
        self.named += 1;
        let space = self.one_of(&["", r#","namespace":"n.s""#, r#","namespace":"other""#]);
        let doc = self.one_of(&["", r#","doc":"some doc""#]);
        format!(r#""name":"T{}"{space}{doc}"#, self.named)
    }

    fn beside(&mut self) -> String {
        let all = [
            r#","connect.version":3"#,
            r#","connect.doc":"cd""#,
            r#","connect.parameters":{"a":"b"}"#,
            r#","connect.name":"x.Y""#,
            r#","avro.foo":"bar""#,
        ];
        all.into_iter().filter(|_| self.rng.u8(..8) == 0).collect()
    }

    fn schema(&mut self, depth: usize) -> Made {
        let beside = self.beside();
        match self.rng.u8(..if depth == 0 { 8 } else { 14 }) {
            0 => (format!(r#"{{"type":"boolean"{beside}}}"#), vec![1]),
            1 => {
                let kind = self.one_of(&["date", "time-millis", "other"]);
                let text = format!(r#"{{"type":"int","logicalType":"{kind}"}}"#);
                (text, number(self.rng.i64(0..86_400_000)))
            }
            2 => {
                let kind = self.one_of(&["", r#","connect.type":"int8""#]);
                (format!(r#"{{"type":"int"{kind}{beside}}}"#), number(self.rng.i64(-128..128)))
            }
            3 => {
                let kind = self.one_of(&["timestamp-millis", "timestamp-micros"]);
                let text = format!(r#"{{"type":"long","logicalType":"{kind}"}}"#);
                (text, number(self.rng.i64(..)))
            }
            4 => (format!(r#"{{"type":"float"{beside}}}"#), 1.5_f32.to_le_bytes().to_vec()),
            5 => (format!(r#"{{"type":"double"{beside}}}"#), 1.5_f64.to_le_bytes().to_vec()),
            6 => (format!(r#"{{"type":"string"{beside}}}"#), vec![4, b'x', b'y']),
            7 => match self.one_of(&["", r#","logicalType":"decimal","precision":9,"scale":2"#]) {
                "" => (format!(r#"{{"type":"bytes"{beside}}}"#), vec![4, b'x', b'y']),
                decimal => (format!(r#"{{"type":"bytes"{decimal}}}"#), vec![4, b'x', b'y']),
            },
            8 => {
                let (head, decimal) = (self.head(), self.rng.bool());
                let beside = match decimal {
                    true => r#","logicalType":"decimal","precision":5,"scale":2"#,
                    false => &beside,
                };
                (format!(r#"{{"type":"fixed",{head},"size":3{beside}}}"#), b"xyz".to_vec())
            }
            9 => {
                let head = self.head();
                (format!(r#"{{"type":"enum",{head},"symbols":["A","B"]{beside}}}"#), vec![2])
            }
            10 => {
                let (items, bytes) = self.schema(depth - 1);
                let bytes = [&[2][..], &bytes, &[0]].concat();
                (format!(r#"{{"type":"array","items":{items}{beside}}}"#), bytes)
            }
            11 => {
                let (values, bytes) = self.schema(depth - 1);
                let bytes = [&[2, 2, b'k'][..], &bytes, &[0]].concat();
                (format!(r#"{{"type":"map","values":{values}{beside}}}"#), bytes)
            }
            12 => self.union(depth),
            _ => {
                let head = self.head();
                let count = self.rng.usize(..4);
                let (fields, bytes): (Vec<_>, Vec<_>) = (0..count)
                    .map(|at| {
                        let (schema, bytes) = self.schema(depth - 1);
                        let doc = self.one_of(&["", r#","doc":"fd""#]);
                        (format!(r#"{{"name":"f{at}","type":{schema}{doc}}}"#), bytes)
                    })
                    .unzip();
                let fields = fields.join(",");
                let text = format!(r#"{{"type":"record",{head},"fields":[{fields}]{beside}}}"#);
                (text, bytes.concat())
            }
        }
    }

    fn union(&mut self, depth: usize) -> Made {
        let count = self.rng.usize(1..5);
        let mut branches: Vec<(String, Made)> = Vec::new();
        while branches.len() < count {
            let (text, bytes) = match self.rng.u8(..4) {
                0 => ("\"null\"".to_owned(), Vec::new()),
                _ => self.schema(depth - 1),
            };
            // What tells types apart stands up to the first comma, but for names.
            let kind = text.split([',', '}']).next().unwrap().to_owned();
            let is_named = ["record", "enum", "fixed"].iter().any(|named| kind.contains(named));
            let kind = if is_named { text.clone() } else { kind };
            if !text.starts_with('[') && branches.iter().all(|(known, _)| *known != kind) {
                branches.push((kind, (text, bytes)));
            }
        }
        let chosen = self.rng.usize(..count);
        let bytes = [number(chosen as i64), branches[chosen].1.1.clone()].concat();
        let texts: Vec<String> = branches.into_iter().map(|(_, (text, _))| text).collect();
        (format!("[{}]", texts.join(",")), bytes)
    }
}
