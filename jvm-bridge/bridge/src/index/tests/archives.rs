//! Archives and class files of all forms.

use super::super::class_file::Parser;
use super::super::services;
use super::build::{CONVERTER, Class, Form, PUBLIC, archive};
use super::{look, names};
use crate::index::DiscoveryMode;

fn entries() -> Vec<(String, Vec<u8>)> {
    let all = ["p/A", "p/B"].map(|name| Class::new(name).implements(CONVERTER).entry());
    all.to_vec()
}

fn found(bytes: &[u8]) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("it.jar");
    std::fs::write(&path, bytes).unwrap();
    names(&look(&path, DiscoveryMode::OnlyScan))
}

#[test]
fn all_forms_of_archives_are_read() {
    for stored in [false, true] {
        for zip64 in [false, true] {
            let bytes = archive(&entries(), Form { stored, zip64 });
            assert_eq!(found(&bytes), ["converter p.A", "converter p.B"], "{stored} {zip64}");
        }
    }
}

#[test]
fn something_may_come_before_and_after_an_archive() {
    let mut bytes = b"#!/bin/sh\nexec java -jar $0\n".to_vec();
    bytes.extend(archive(&entries(), Form::default()));
    let comment = b"a comment with PK\x05\x06 in it and enough after that to look like a record";
    let at = bytes.len() - 2;
    bytes.splice(at.., (comment.len() as u16).to_le_bytes());
    bytes.extend_from_slice(comment);
    assert_eq!(found(&bytes), ["converter p.A", "converter p.B"]);
}

#[test]
fn entries_that_are_no_classes_of_the_class_path_are_passed_over() {
    let class = Class::new("p/A").implements(CONVERTER).bytes();
    let names = ["META-INF/versions/9/p/A.class", "BOOT-INF/classes/p/A.class", "p/B.class"];
    let mut entries: Vec<_> = names.map(|name| (name.to_owned(), class.clone())).to_vec();
    entries.push(("module-info.class".to_owned(), b"no class".to_vec()));
    entries.push(("p/package-info.class".to_owned(), b"no class".to_vec()));
    entries.push(("p/".to_owned(), Vec::new()));
    assert_eq!(found(&archive(&entries, Form::default())), [""; 0]);
}

#[test]
fn a_class_file_tells_what_it_is() {
    let class = Class::new("p/A$B").extends("p/Base").implements("p/I").implements("p/J");
    let class = class.constructors(&[(PUBLIC, "(ILp/X;[[Ljava/util/List;J)V"), (2, "()V")]);
    let bytes = class.bytes();
    let (mut parser, mut prefix) = (Parser::default(), bytes.as_slice());
    parser.read(&mut prefix).unwrap();
    assert_eq!(parser.name(&mut prefix).unwrap(), "p/A$B");
    let supers: Vec<_> = parser.supers(&mut prefix).unwrap().map(Result::unwrap).collect();
    assert_eq!(supers, ["p/Base", "p/I", "p/J"]);
    assert!(parser.access().is_public() && parser.access().is_concrete());
    let constructors = parser.constructors(&mut prefix).unwrap();
    let told: Vec<_> = constructors
        .iter()
        .map(|it| (it.is_public, it.has_parameters, it.classes.join(" ")))
        .collect();
    assert_eq!(
        told,
        [(true, true, "p/X java/util/List".to_owned()), (false, false, String::new())]
    );
}

#[test]
fn a_class_file_that_ends_early_is_an_error() {
    let bytes = Class::new("p/A").implements(CONVERTER).bytes();
    for size in 0..bytes.len() - 2 {
        let (mut parser, mut prefix) = (Parser::default(), bytes.get(..size).unwrap());
        let read = parser.read(&mut prefix);
        let read = read.and_then(|()| parser.constructors(&mut prefix));
        assert!(read.is_err(), "{size}");
    }
}

#[test]
fn manifests_are_read_as_java_does() {
    let text = b"# a comment\r\n\r\n  p.A  # more\n\tp.Outer$B\np.A";
    assert_eq!(services::parse(text).unwrap(), ["p.A", "p.Outer$B", "p.A"]);
    let error = services::parse(b"p.A\np.B p.C").unwrap_err();
    assert_eq!(error, (2, "Illegal configuration-file syntax".to_owned()));
    let error = services::parse(b"1p.A").unwrap_err();
    assert_eq!(error, (1, "Illegal provider-class name: 1p.A".to_owned()));
}
