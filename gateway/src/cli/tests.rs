use clap::CommandFactory;

use super::args::{CommandLine, ConnectorCommand, TopicCommand};
use super::output::table;
use super::*;

fn parse(line: &str) -> Result<CommandLine, clap::Error> {
    CommandLine::try_parse_from(line.split_whitespace())
}

#[test]
fn the_command_line_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn every_command_group_has_examples_in_its_help() {
    let examples = |command: &clap::Command| {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("gantry "), "{}", command.get_name());
    };
    let root = CommandLine::command();
    examples(&root);
    root.get_subcommands().filter(|c| !c.get_name().ends_with("-keys")).for_each(examples);
}

#[test]
fn files_and_keys_of_standalone() {
    let line =
        parse("gantry standalone w.properties a.json --set a=b=c --log-level debug").unwrap();
    let Command::Standalone(args) = line.command else { panic!() };
    assert_eq!(args.files.len(), 2);
    assert_eq!(args.run.set, [("a".to_owned(), "b=c".to_owned())]);
    assert!(parse("gantry standalone --set novalue").is_err());
    let line = parse("gantry distributed w.properties").unwrap();
    let Command::Distributed(args) = line.command else { panic!() };
    assert!(args.file.is_some());
    assert!(parse("gantry distributed w.properties c.json").is_err());
}

#[test]
fn the_url_may_stand_anywhere() {
    for line in [
        "gantry topic --url http://h:1 dump t --max 3",
        "gantry topic dump t --max 3 --url http://h:1",
    ] {
        let Command::Topic(args) = parse(line).unwrap().command else { panic!() };
        assert_eq!(args.worker.url.as_deref(), Some("http://h:1"));
        assert!(matches!(args.command, TopicCommand::Dump { max: Some(3), .. }));
    }
    let line = parse("gantry connector restart c --include-tasks").unwrap();
    let Command::Connector(args) = line.command else { panic!() };
    assert_eq!(args.worker.url, None);
    let ConnectorCommand::Restart { include_tasks: true, only_failed: false, .. } = args.command
    else {
        panic!("{:?}", args.command)
    };
    assert!(parse("gantry connector restart c --task 0 --only-failed").is_err());
}

#[test]
fn tables_are_aligned() {
    let rows = [["é", "1"], ["long name", "2"]].map(|row| row.map(str::to_owned).to_vec());
    assert_eq!(table(&["A", "B"], &rows), "A          B\né          1\nlong name  2");
}

#[test]
fn previews_take_a_topic_or_records() {
    for line in [
        "gantry preview c.json --topic t --partition 1 --from latest --max 3 --url http://h:1",
        "gantry preview c.json --records - --hex --topic t --worker w.properties --json",
        "gantry preview c.json --records r.jsonl --url http://h:1",
    ] {
        let Command::Preview(args) = parse(line).unwrap().command else { panic!("{line}") };
        assert_eq!(args.file.to_str(), Some("c.json"));
    }
    for line in [
        "gantry preview c.json",
        "gantry preview c.json --topic t --hex",
        "gantry preview c.json --records r --from earliest",
        "gantry preview c.json --records r --worker w --url http://h:1",
        "gantry preview c.json --topic t --worker w",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn lint_takes_files_or_explains() {
    let explained = |line| match parse(line).unwrap().command {
        Command::Lint(args) => args.explain,
        other => panic!("{other:?}"),
    };
    assert_eq!(explained("gantry lint a.json b.json --worker w.properties --json"), None);
    assert_eq!(explained("gantry lint --explain"), Some(None));
    assert_eq!(explained("gantry lint --explain GL101"), Some(Some("GL101".to_owned())));
    assert!(parse("gantry lint").is_err());
    assert!(parse("gantry lint a.json --explain").is_err());
}

#[test]
fn schemas_are_named_by_subject_or_id() {
    for line in [
        "gantry schema list --prefix a --deleted --context c --json",
        "gantry schema show s --version 3 --url http://h:1",
        "gantry schema show --id 3 --context c",
        "gantry schema register s a.avsc --type avro --reference a=b:1 --reference c=d:latest",
        "gantry schema check s a.json --all-versions --normalize --fail-on-impact",
        "gantry schema diff s 1 latest",
        "gantry schema diff s a.proto --type PROTOBUF",
        "gantry schema delete s --version latest --permanent -y",
        "gantry schema export --user a:b",
        "gantry schema import --from http://h:1 --to http://h:2 --from-cacert ca.pem --force",
    ] {
        let Command::Schema(_) = parse(line).unwrap().command else { panic!("{line}") };
    }
    for line in [
        "gantry schema show",
        "gantry schema show s --id 3",
        "gantry schema show --id 3 --version 3",
        "gantry schema show s --version 0",
        "gantry schema register s",
        "gantry schema register s a --type thrift",
        "gantry schema check s a.avsc --version 1 --all-versions",
        "gantry schema diff s 1 a.avsc",
        "gantry schema import --to http://h:2",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}
