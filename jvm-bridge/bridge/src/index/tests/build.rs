//! Builds class files and archives.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;

pub(super) const PUBLIC: u16 = 1;
pub(super) const ABSTRACT: u16 = 0x0400;
pub(super) const INTERFACE: u16 = 0x0600;

pub(super) const CONVERTER: &str = "org/apache/kafka/connect/storage/Converter";
pub(super) const SERVICE: &str = "META-INF/services/org.apache.kafka.connect.storage.Converter";

/// A class to be written.
#[derive(Clone)]
pub(super) struct Class {
    name: String,
    access: u16,
    superclass: String,
    interfaces: Vec<String>,
    /// Access and descriptor.
    constructors: Vec<(u16, String)>,
}

impl Class {
    /// A public class with a public constructor without parameters.
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            access: PUBLIC,
            superclass: "java/lang/Object".to_owned(),
            interfaces: Vec::new(),
            constructors: vec![(PUBLIC, "()V".to_owned())],
        }
    }

    pub(super) fn access(self, access: u16) -> Self {
        Self { access, ..self }
    }

    pub(super) fn extends(self, superclass: &str) -> Self {
        Self { superclass: superclass.to_owned(), ..self }
    }

    pub(super) fn implements(mut self, interface: &str) -> Self {
        self.interfaces.push(interface.to_owned());
        self
    }

    pub(super) fn constructors(self, constructors: &[(u16, &str)]) -> Self {
        let constructors = constructors.iter().map(|(access, it)| (*access, (*it).to_owned()));
        Self { constructors: constructors.collect(), ..self }
    }

    pub(super) fn entry(&self) -> (String, Vec<u8>) {
        (format!("{}.class", self.name), self.bytes())
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut pool = Pool::default();
        // A wide constant, which takes two places, before all others.
        pool.push(&[5, 0, 0, 0, 0, 0, 0, 0, 1]);
        pool.count += 1;
        let this = pool.class(&self.name);
        let superclass = pool.class(&self.superclass);
        let interfaces: Vec<_> = self.interfaces.iter().map(|it| pool.class(it)).collect();
        let init = pool.utf8("<init>");
        let code = pool.utf8("Code");
        let constructors: Vec<_> =
            self.constructors.iter().map(|(access, it)| (*access, pool.utf8(it))).collect();
        let mut body = Vec::new();
        put_be(&mut body, &[self.access, this, superclass, interfaces.len() as u16]);
        put_be(&mut body, &interfaces);
        // One field, with one attribute of three bytes, to be passed over.
        put_be(&mut body, &[1, 0, init, code, 1, code, 0, 3]);
        body.extend_from_slice(b"abc");
        put_be(&mut body, &[constructors.len() as u16]);
        for (access, descriptor) in constructors {
            put_be(&mut body, &[access, init, descriptor, 0]);
        }
        put_be(&mut body, &[0]);
        let mut bytes = vec![0xCA, 0xFE, 0xBA, 0xBE, 0, 0, 0, 61];
        bytes.extend_from_slice(&(pool.count + 1).to_be_bytes());
        bytes.extend(pool.bytes);
        bytes.extend(body);
        bytes
    }
}

#[derive(Default)]
struct Pool {
    bytes: Vec<u8>,
    count: u16,
}

impl Pool {
    fn push(&mut self, bytes: &[u8]) -> u16 {
        self.bytes.extend_from_slice(bytes);
        self.count += 1;
        self.count
    }

    fn utf8(&mut self, text: &str) -> u16 {
        let mut bytes = vec![1];
        bytes.extend_from_slice(&(text.len() as u16).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
        self.push(&bytes)
    }

    fn class(&mut self, name: &str) -> u16 {
        let [high, low] = self.utf8(name).to_be_bytes();
        self.push(&[7, high, low])
    }
}

fn put_be(to: &mut Vec<u8>, values: &[u16]) {
    to.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

fn put_16(to: &mut Vec<u8>, values: &[u16]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put_32(to: &mut Vec<u8>, values: &[u32]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

fn put_64(to: &mut Vec<u8>, values: &[u64]) {
    to.extend(values.iter().flat_map(|value| value.to_le_bytes()));
}

/// How an archive is written.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) stored: bool,
    pub(super) zip64: bool,
}

/// An archive with these entries.
pub(super) fn archive(entries: &[(String, Vec<u8>)], form: Form) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let offset = file.len() as u32;
        let data = if form.stored { bytes.clone() } else { deflate(bytes) };
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let method = if form.stored { 0_u16 } else { 8 };
        let mut head = vec![20, 0, 0, 0];
        head.extend_from_slice(&method.to_le_bytes());
        head.extend_from_slice(&[0; 4]);
        head.extend_from_slice(&crc.sum().to_le_bytes());
        let sizes = [data.len() as u32, bytes.len() as u32];
        let extra = if form.zip64 { wide_extra(sizes, offset) } else { Vec::new() };
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&head);
        put_32(&mut file, &sizes);
        file.extend_from_slice(&(name.len() as u16).to_le_bytes());
        file.extend_from_slice(&[0; 2]);
        file.extend_from_slice(name.as_bytes());
        file.extend(data);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&head);
        let wide = |value: u32| if form.zip64 { u32::MAX } else { value };
        put_32(&mut directory, &sizes.map(wide));
        directory.extend_from_slice(&(name.len() as u16).to_le_bytes());
        directory.extend_from_slice(&(extra.len() as u16).to_le_bytes());
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&wide(offset).to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
        directory.extend(extra);
    }
    finish(file, &directory, entries.len(), form)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn wide_extra([compressed, size]: [u32; 2], offset: u32) -> Vec<u8> {
    // Another field comes first.
    let mut extra = vec![9, 9, 1, 0, 7, 1, 0, 24, 0];
    put_64(&mut extra, &[size, compressed, offset].map(u64::from));
    extra
}

fn finish(mut file: Vec<u8>, directory: &[u8], count: usize, form: Form) -> Vec<u8> {
    let start = file.len() as u32;
    let size = directory.len() as u32;
    file.extend_from_slice(directory);
    if form.zip64 {
        let position = file.len() as u64;
        file.extend_from_slice(b"PK\x06\x06");
        file.extend_from_slice(&44_u64.to_le_bytes());
        file.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        put_64(&mut file, &[count as u64, count as u64, u64::from(size), u64::from(start)]);
        file.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        file.extend_from_slice(&position.to_le_bytes());
        file.extend_from_slice(&[1, 0, 0, 0]);
    }
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    let count = if form.zip64 { u16::MAX } else { count as u16 };
    put_16(&mut file, &[count, count]);
    let wide = |value: u32| if form.zip64 { u32::MAX } else { value };
    put_32(&mut file, &[size, start].map(wide));
    file.extend_from_slice(&[0; 2]);
    file
}

/// Writes an archive of these classes, with other files besides.
pub(super) fn jar(path: &Path, classes: &[Class], files: &[(&str, &str)]) {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
    let entries: Vec<_> = classes.iter().map(Class::entry).chain(files).collect();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, archive(&entries, Form::default())).unwrap();
}
