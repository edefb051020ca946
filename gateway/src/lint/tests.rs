//! Every rule finds its bad example and leaves its good one alone; more cases by hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Document, Kind};
use super::report::{Finding, Report};
use super::rule::{Base, Level};
use super::rules::all;
use super::run::{Worker, check_connector, check_worker, lint_files};
use super::{explain, markdown};
use crate::Gantry;

const SOURCE: &str = "name=example\nconnector.class=FileStreamSource\nfile=in.txt\ntopic=lines\n";
const SINK: &str = "name=example\nconnector.class=FileStreamSink\nfile=out.txt\ntopics=lines\n";
const WORKER: &str = "key.converter=org.apache.kafka.connect.json.JsonConverter\n\
    key.converter.schemas.enable=false\n\
    value.converter=org.apache.kafka.connect.json.JsonConverter\n\
    value.converter.schemas.enable=false\n";

fn lint_with(text: &str, worker: &Worker) -> Vec<Finding> {
    let mut report = Report::default();
    let plugins = Arc::new(Gantry::new().plugins());
    if let Some(document) = Document::read(text.as_bytes(), &mut report) {
        match document.kind {
            Kind::Connector => check_connector(&document, worker, &plugins, &mut report),
            Kind::Worker => check_worker(&document, &plugins, &mut report),
        }
    }
    report.finish()
}

fn lint(text: &str) -> Vec<Finding> {
    lint_with(text, &Worker::built_in())
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.code).collect()
}

fn based(base: Base, lines: &str) -> String {
    match base {
        Base::Source => format!("{SOURCE}{lines}"),
        Base::Sink => format!("{SINK}{lines}"),
        Base::Worker => format!("{WORKER}{lines}"),
        Base::Properties | Base::Json => lines.to_owned(),
    }
}

/// The one finding of a code.
fn one(findings: &[Finding], code: &str) -> Finding {
    let mut all = findings.iter().filter(|finding| finding.code == code);
    let found = all.next().unwrap_or_else(|| panic!("no {code} in {findings:#?}")).clone();
    assert_eq!(all.next(), None, "{code} twice");
    found
}

#[test]
fn every_rule_finds_its_bad_example_and_not_its_good_one() {
    for rule in all() {
        let bad = lint(&based(rule.base, rule.bad));
        let found = bad.iter().find(|finding| finding.code == rule.code);
        let found = found.unwrap_or_else(|| panic!("{} is silent: {bad:#?}", rule.code));
        assert_eq!(found.level, rule.level);
        assert!(!found.message.is_empty() && !found.remedy.is_empty(), "{found:?}");
        let good = lint(&based(rule.base, rule.good));
        assert!(!codes(&good).contains(&rule.code), "{}: {good:#?}", rule.code);
        let above_info = good.iter().filter(|finding| finding.level != Level::Info);
        assert_eq!(above_info.count(), 0, "the good example of {}: {good:#?}", rule.code);
    }
}

#[test]
fn codes_are_unique_and_explained() {
    let rules = all();
    for pair in rules.windows(2) {
        assert!(pair[0].code < pair[1].code, "{} stands twice", pair[0].code);
    }
    for rule in &rules {
        assert!(rule.code.starts_with("GL") && rule.code.len() == 5, "{}", rule.code);
        assert!(rule.explanation.ends_with(['.', ')']), "{}", rule.code);
        assert!(explain(&rule.code.to_lowercase()).unwrap().contains(rule.title));
    }
    assert!(explain("GL000").unwrap_err().contains("--explain"));
}

#[test]
fn the_reference_page_is_what_the_rules_say() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/lint.md");
    let page = std::fs::read_to_string(file).unwrap_or_default();
    assert!(page == markdown(), "stale: write it anew with `gantry lint --explain > docs/lint.md`");
}

#[test]
fn the_examples_of_the_repository_are_clean() {
    let plugins = Arc::new(Gantry::new().plugins());
    for example in ["file-to-file", "datagen"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example);
        let files: Vec<PathBuf> = ["worker.properties", "source.properties", "sink.properties"]
            .iter()
            .map(|name| folder.join(name))
            .collect();
        let reports = lint_files(&files, None, &plugins);
        assert_eq!(
            reports.iter().map(|r| r.kind).collect::<Vec<_>>(),
            ["worker", "connector", "connector"]
        );
        for report in reports {
            assert_eq!(report.findings, [], "{}", report.file);
        }
    }
}

#[test]
fn findings_know_their_place() {
    let text = "{\n  \"name\": \"c\", \"config\": {\n    \"é\": \"x\", \"tasks.max\": \"x\",\n    \
                \"connector.class\": \"FileStreamSource\",\n    \"topic\": \"t\"\n  }\n}\n";
    let findings = lint(text);
    let unknown = one(&findings, "GL101");
    assert_eq!(
        (unknown.line, unknown.column, unknown.key.as_deref()),
        (Some(3), Some(5), Some("é"))
    );
    let invalid = findings.iter().find(|finding| finding.code == "GL201").unwrap();
    assert_eq!((invalid.line, invalid.column), (Some(3), Some(15)));
    assert_eq!(
        invalid.message,
        "Invalid value x for configuration tasks.max: Not a number of type INT"
    );
    let properties =
        lint("name=c\nconnector.class=FileStreamSource\ntopic=t\n\n  batch.sise = \\\n 5\n");
    let unknown = one(&properties, "GL101");
    assert_eq!((unknown.line, unknown.column), (Some(5), Some(3)));
    assert_eq!(unknown.remedy, "did you mean batch.size?");
}

#[test]
fn what_stands_beside_config_is_looked_at() {
    let file = |outer: &str| {
        let config = r#""config": {"connector.class": "FileStreamSource", "topic": "t"}"#;
        lint(&format!("{{\"name\": \"c\", {config}{outer}}}"))
    };
    assert_eq!(file(r#", "initial_state": "paused""#), []);
    let lost = one(&file(r#", "tasks.max": "1""#), "GL101");
    assert_eq!((lost.line, lost.remedy.as_str()), (Some(1), "move it into config"));
    assert!(one(&file(r#", "initial_state": "GONE""#), "GL201").remedy.contains("STOPPED"));
    let unnamed = lint(r#"{"config": {"connector.class": "FileStreamSource", "topic": "t"}}"#);
    assert_eq!(one(&unnamed, "GL202").key.as_deref(), Some("name"));
}

#[test]
fn a_file_of_many_wrong_keys_ends_in_time() {
    let members: Vec<String> = (0..20_000).map(|i| format!("\"wrong.{i}\":\"é\"")).collect();
    let findings = lint(&format!("{{\"connector.class\":\"Datagen\",{}}}", members.join(",")));
    assert_eq!(findings.len(), 1_000);
    let last = findings.last().and_then(|finding| finding.column);
    assert!(last.is_some_and(|column| column > 10_000), "{last:?}");
}

#[test]
fn broken_json_is_told_with_its_place_and_the_rest_is_read_where_it_can_be() {
    let broken = lint("{\n  \"name\": \"c\"\n  \"topic\": \"t\"\n}\n");
    assert_eq!(codes(&broken), ["GL001"]);
    assert_eq!(
        (broken[0].line, broken[0].column),
        (Some(2), Some(14)),
        "the comma is missing here"
    );
    let text = "{\n  \"name\": \"c\", // why\n  \"connector.class\": \"FileStreamSource\",\n  \
                /* which */ \"topik\": \"t\",\n}\n";
    let findings = lint(text);
    let mut found = codes(&findings);
    found.sort_unstable();
    assert_eq!(found, ["GL001", "GL002", "GL002", "GL101", "GL202"], "{findings:#?}");
    assert_eq!(codes(&lint("{\"a\": \"\u{7}\"")), ["GL001"]);
    assert_eq!(codes(&lint("a=\\u12\n")), ["GL001"]);
    let mut report = Report::default();
    assert!(Document::read(b"{\"a\": \"\xff\"}", &mut report).is_none());
    assert_eq!(report.finish()[0].line, Some(1));
}

#[test]
fn keys_are_known_wherever_they_are_read() {
    let lines = "producer.override.acks=all\ngantry.restart.max=3\n\
        errors.deadletterqueue.topic.name=d\nerrors.tolerance=all\n\
        topic.creation.default.partitions=2\ntopic.creation.default.replication.factor=1\n\
        topic.creation.groups=logs\ntopic.creation.logs.include=l.*\n\
        topic.creation.logs.retention.ms=1\nconfig.action.reload=none\n\
        value.converter=org.apache.kafka.connect.json.JsonConverter\n\
        value.converter.schemas.enable=true\nvalue.converter.decimal.format=NUMERIC\n\
        transforms=a.b\ntransforms.a.b.type=org.apache.kafka.connect.transforms.HoistField$Value\n\
        transforms.a.b.field=f\ntransforms.a.b.predicate=p.q\ntransforms.a.b.negate=true\n\
        predicates=p.q\npredicates.p.q.type=\
        org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\n";
    let findings = lint(&based(Base::Source, lines));
    assert_eq!(findings, [], "{findings:#?}");
    for (wrong, meant) in [
        ("value.converter.schema.enable=true", "value.converter.schemas.enable"),
        ("topic.creation.defaults.partitions=2", "topic.creation.default.partitions"),
        ("transforms.a.b.fields=f", "transforms.a.b.field"),
        ("error.tolerance=all", "errors.tolerance"),
        ("gantry.restarts.max=1", "gantry.restart.max"),
    ] {
        let findings = lint(&based(Base::Source, &format!("{lines}{wrong}\n")));
        assert_eq!(one(&findings, "GL101").remedy, format!("did you mean {meant}?"), "{wrong}");
    }
    let unlisted = lint(&based(Base::Source, "transforms.x.field=f\n"));
    assert_eq!(codes(&unlisted), ["GL101"]);
}

#[test]
fn classes_that_may_be_elsewhere_are_no_errors() {
    let text = "name=c\nconnector.class=org.example.Orders\ntopics=t\nany.key=1\n\
        value.converter=org.example.OrderConverter\n\
        value.converter.schema.registry.url=http://r:1\ntransforms=x\n\
        transforms.x.type=org.example.Unwrap\ntransforms.x.anything=1\n";
    let findings = lint(text);
    assert_eq!(codes(&findings), ["GL102", "GL102", "GL102"], "{findings:#?}");
    let near = lint("name=c\nconnector.class=FileStreamSorce\ntopic=t\n");
    assert!(one(&near, "GL102").remedy.contains("FileStreamSource"), "{near:#?}");
    let own = "transforms=x\ntransforms.x.type=InsertFeild$Value\n";
    let wrong = one(&lint(&based(Base::Source, own)), "GL203");
    assert_eq!(wrong.remedy, "did you mean org.apache.kafka.connect.transforms.InsertField$Value?");
    let kind = "transforms=x\ntransforms.x.type=StringConverter\n";
    let wrong = one(&lint(&based(Base::Source, kind)), "GL203");
    assert!(wrong.message.contains("does not implement the Transformation interface"));
}

#[test]
fn the_chain_is_followed() {
    let insert = "transforms.i.type=org.apache.kafka.connect.transforms.InsertField$Value\n\
                  transforms.i.topic.field=t\n";
    let json = "value.converter=org.apache.kafka.connect.json.JsonConverter\n\
                value.converter.schemas.enable=false\n";
    let of_string = "value.converter=org.apache.kafka.connect.storage.StringConverter\n";
    let chain = |base, converter: &str, lines: &str| {
        codes(&lint(&based(base, &format!("{converter}{lines}"))))
    };
    let alone = format!("transforms=i\n{insert}");
    assert!(chain(Base::Sink, of_string, &alone).contains(&"GL401"));
    assert!(!chain(Base::Sink, json, &alone).contains(&"GL401"));
    let derive = "transforms=d\ntransforms.d.type=org.gantry.connect.transforms.DeriveField$Value\n\
                  transforms.d.expressions=x = value.a * 2\n";
    assert!(chain(Base::Sink, of_string, derive).contains(&"GL401"));
    assert!(!chain(Base::Sink, json, derive).contains(&"GL401"));
    let wrong = derive.replace("value.a * 2", "1 + 'a'");
    let said = lint(&based(Base::Sink, &format!("{json}{wrong}")));
    let text = "there is no int + string: string() makes a text of the other one";
    assert!(said.iter().any(|finding| finding.message.contains(text)), "{said:#?}");
    let keyed = "transforms=k\ntransforms.k.type=org.apache.kafka.connect.transforms.ValueToKey\n\
                 transforms.k.fields=a\n";
    assert!(chain(Base::Source, "", keyed).contains(&"GL401"));
    let datagen = "name=c\nconnector.class=Datagen\ntopic=t\nformat=json\n";
    assert!(!codes(&lint(&format!("{datagen}{alone}"))).contains(&"GL401"));
    let confluents =
        "name=c\nconnector.class=DatagenConnector\nkafka.topic=lines\nquickstart=users\n";
    assert!(!codes(&lint(&format!("{confluents}{alone}"))).contains(&"GL401"));
    assert!(codes(&lint(&format!("{confluents}{of_string}"))).contains(&"GL405"));
    // Only where no predicate may keep the record away.
    let some = format!(
        "{alone}transforms.i.predicate=p\npredicates=p\npredicates.p.type=\
         org.apache.kafka.connect.transforms.predicates.RecordIsTombstone\n"
    );
    assert!(!chain(Base::Sink, of_string, &some).contains(&"GL401"));
    // Routers are seen by those behind them.
    let route = |second: &str| {
        format!(
            "transforms=a,b\ntransforms.a.type=org.apache.kafka.connect.transforms.RegexRouter\n\
             transforms.a.regex=(li)nes\ntransforms.a.replacement=$1ons\n\
             transforms.b.type=org.apache.kafka.connect.transforms.RegexRouter\n\
             transforms.b.regex={second}\ntransforms.b.replacement=x\n"
        )
    };
    assert!(!chain(Base::Source, "", &route("lions")).contains(&"GL307"));
    assert!(chain(Base::Source, "", &route("lines")).contains(&"GL307"));
}

#[test]
fn variables_are_left_alone_and_their_providers_looked_for() {
    let text = based(Base::Source, "tasks.max=${file:/s:n}\n");
    assert_eq!(codes(&lint(&text)), ["GL703"]);
    let file = "config.providers=files\n";
    let worker = Worker::of(crate::lint::tests::props(file));
    let findings = lint_with(&text, &worker);
    assert_eq!(one(&findings, "GL702").remedy, "did you mean files?");
    let legal = "transforms=r\ntransforms.r.type=org.apache.kafka.connect.transforms.RegexRouter\n\
                 transforms.r.regex=(?<a>l.*)\ntransforms.r.replacement=x-${a}\n";
    assert_eq!(lint(&based(Base::Source, legal)), []);
}

fn props(text: &str) -> gantry_api::Props {
    gantry_model::config::provider::read_properties(text).unwrap()
}

#[test]
fn secrets_are_never_shown() {
    let text = "name=c\nconnector.class=org.example.Db\ndb.password=opensesame\n\
                url=jdbc:x://h/d?password=opensesame\nsasl.jaas.config=opensesame x\n";
    let findings = lint(text);
    assert_eq!(codes(&findings).iter().filter(|code| **code == "GL701").count(), 3);
    assert!(!format!("{findings:?}").contains("opensesame"));
}

#[test]
fn secrets_inside_of_values_are_found() {
    let keys = |text: &str| -> Vec<(String, Option<usize>)> {
        let findings = lint(text);
        assert!(!format!("{findings:?}").contains("opensesame"));
        let secrets = findings.into_iter().filter(|finding| finding.code == "GL701");
        secrets.map(|finding| (finding.key.unwrap(), finding.line)).collect()
    };
    let found = |path: &str, line| (format!("kafka.connector.configs.{path}"), Some(line));
    let adapter = "org.apache.rocketmq.connect.kafka.connector.KafkaRocketmqSinkConnector";
    let nested = format!(
        "{{\"name\":\"c\",\"config\":{{\"connector.class\":\"{adapter}\",\n\
         \"kafka.connector.configs\":{{\"connector.class\":\"org.example.Db\",\n\
         \"db.password\":\"opensesame\",\n\
         \"safe.password\":\"${{file:/s:k}}\",\"use.token\":true,\n\
         \"servers\":[{{\"url\":\"jdbc:x://h/d?password=opensesame\"}}]}}}}}}"
    );
    assert_eq!(keys(&nested), [found("db.password", 3), found("servers.url", 5)]);
    // The same as a text.
    let inner = "{\"db.password\":\"opensesame\",\"url\":\"jdbc:x://h/d?password=opensesame\"}";
    let properties =
        format!("name=c\nconnector.class={adapter}\nkafka.connector.configs={inner}\n");
    assert_eq!(keys(&properties), [found("db.password", 3), found("url", 3)]);
    let json = serde_json::json!({"connector.class": adapter, "kafka.connector.configs": inner});
    assert_eq!(keys(&json.to_string()), [found("db.password", 1), found("url", 1)]);
}

#[test]
fn worker_files_are_judged() {
    let findings = lint(
        "value.converter=NoConverter\noffset.flush.intervall.ms=1\nrest.port=8083\n\
         offset.flush.interval.ms=soon\nssl.key.password=opensesame\n",
    );
    let of = |code| one(&findings, code);
    assert_eq!(of("GL101").remedy, "did you mean offset.flush.interval.ms?");
    assert_eq!(of("GL802").key.as_deref(), Some("rest.port"));
    assert_eq!(of("GL201").line, Some(4));
    assert_eq!(of("GL701").key.as_deref(), Some("ssl.key.password"));
    let missing = lint("value.converter=JsonConverter\n");
    assert_eq!(one(&missing, "GL202").key.as_deref(), Some("key.converter"));
    let class = lint("value.converter=NoConverter\nkey.converter=JsonConverter\n");
    assert_eq!(one(&class, "GL203").line, Some(1));
    let listener = lint(&based(Base::Worker, "listeners=ftp://h:1\n"));
    assert_eq!(one(&listener, "GL201").key.as_deref(), Some("listeners"));
    let provider = lint(&based(Base::Worker, "config.providers=x\n"));
    assert!(one(&provider, "GL201").message.contains("config.providers.x.class is missing"));
}

#[test]
fn dialects_beside_each_other() {
    let lines = "max.tasks=2\ntransforms=h\ntransforms.h.class=HoistField\n\
                 transforms.h.type=org.apache.kafka.connect.transforms.HoistField$Value\n\
                 transforms.h.field=f\n";
    let findings = lint(&based(Base::Source, lines));
    let remedies: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.code == "GL801")
        .map(|finding| finding.remedy.as_str())
        .collect();
    assert_eq!(remedies, ["write tasks.max", "write transforms.h.type"]);
    assert!(!codes(&findings).contains(&"GL101"));
}

#[test]
fn a_worker_file_among_the_files_is_the_connectors() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let string = "org.apache.kafka.connect.storage.StringConverter";
    let worker =
        write("w.properties", &format!("key.converter={string}\nvalue.converter={string}\n"));
    let source = write(
        "s.json",
        r#"{"name":"c","connector.class":"FileStreamSource","topic":"t","transforms":"h",
            "transforms.h.type":"org.apache.kafka.connect.transforms.HoistField$Value",
            "transforms.h.field":"f"}"#,
    );
    let plugins = Arc::new(Gantry::new().plugins());
    let alone = lint_files(std::slice::from_ref(&source), None, &plugins);
    assert_eq!(alone[0].findings, []);
    let both = lint_files(&[source, worker, dir.path().join("no")], None, &plugins);
    assert_eq!(codes(&both[0].findings), ["GL405"], "the worker's StringConverter");
    assert_eq!((both[1].kind, both[1].count(Level::Error)), ("worker", 0));
    assert_eq!((both[2].kind, both[2].findings[0].code), ("unknown", "GL001"));
}
