//! What is shown.

use std::sync::Arc;

use super::*;
use crate::rest::{BasicAuth, Edge};
use crate::worker_config::{AuthSource, Scheme};

#[tokio::test]
async fn nothing_is_shown_of_what_is_not_there() {
    let (rocketmq, _) = benches().await;
    for (path, status, message) in [
        ("/connectors/none/config", 404, "Connector[none] does not exist"),
        ("/connectors/none/tasks", 404, "Connector[none] does not exist"),
        ("/connectors/none/status", 404, "No status found for connector none"),
        ("/connectors/none/tasks/0/status", 404, "No status found for task none-0"),
        ("/connectors/none/tasks/x/status", 400, "x is no number of a task"),
        ("/nope", 404, "Not found"),
        ("/connectors", 404, "Not found"),
        ("/connectors//x", 400, "Ambiguous URI empty segment"),
    ] {
        assert_eq!(refused(&rocketmq.get(path).await, status), message, "{path}");
    }
    let wrong_method = rocketmq.call("PUT", "/connectors/x", "{}").await;
    assert_eq!(refused(&wrong_method, 405), "HTTP 405 Method Not Allowed");
    assert_eq!(wrong_method.header(header::ALLOW), Some("GET,HEAD,POST"));
    assert_eq!(wrong_method.headers["x-test"], "yes", "the configured headers");
}

#[tokio::test]
async fn an_empty_worker() {
    let (rocketmq, _) = benches().await;
    let cluster = rocketmq.get("/getClusterInfo").await;
    assert_eq!(cluster.text, r#"{"status":200,"body":["127.0.0.1:8083"]}"#);
    assert_eq!(rocketmq.get("/connectors/list").await.text, r#"{"status":200,"body":{}}"#);
    assert_eq!(rocketmq.get("/allocated/connectors").await.text, r#"{"status":200,"body":{}}"#);
    let tasks = r#"{"pendingTasks":[],"stoppedTasks":[],"errorTasks":[],"stoppingTasks":[],"runningTasks":[]}"#;
    let envelope = format!(r#"{{"status":200,"body":{tasks}}}"#);
    assert_eq!(rocketmq.get("/allocated/tasks").await.text, envelope);
}

#[tokio::test]
async fn a_running_connector_in_every_form() {
    let (rocketmq, _) = benches().await;
    std::fs::write(rocketmq.path("in.txt"), "").unwrap();
    body(&rocketmq.call("POST", "/connectors/src", &source(&rocketmq)).await);
    rocketmq.until("/connectors/src/status", "/body/tasks/0/state", "RUNNING".into()).await;

    let worker = "127.0.0.1:8083";
    let unit = format!(r#""state":"RUNNING","trace":null,"workerId":"{worker}""#);
    let status = format!(
        r#"{{"name":"src","connector":{{{unit}}},"tasks":[{{{unit},"id":0}}],"type":"SOURCE"}}"#
    );
    let class = "org.apache.kafka.connect.file.FileStreamSourceConnector";
    let file = rocketmq.path("in.txt");
    let config =
        format!(r#"{{"connector.class":"{class}","file":"{file}","name":"src","topic":"lines"}}"#);
    let info = format!(
        r#"{{"name":"src","config":{config},"tasks":[{{"connector":"src","task":0}}],"type":"SOURCE"}}"#
    );
    for (path, expected) in [
        ("/connectors/src/status", status.clone()),
        ("/connectors/src/config", info.clone()),
        ("/connectors/list", format!(r#"{{"src":{{"status":{status},"info":{info}}}}}"#)),
        ("/connectors/src/tasks/0/status", format!(r#"{{{unit},"id":0}}"#)),
        ("/allocated/connectors", format!(r#"{{"src":{config}}}"#)),
    ] {
        let answer = rocketmq.get(path).await;
        assert_eq!(answer.text, format!(r#"{{"status":200,"body":{expected}}}"#), "{path}");
    }

    let tasks = body(&rocketmq.get("/connectors/src/tasks").await);
    assert_eq!(tasks[0]["id"], json!({"connector": "src", "task": 0}));
    assert_eq!(tasks[0]["config"]["topic"], "lines");
    let allocated = body(&rocketmq.get("/allocated/tasks").await);
    let running = &allocated["runningTasks"][0];
    assert_eq!(running["connectorName"], "src");
    assert_eq!(running["taskState"], "RUNNING");
    assert_eq!(running["config"]["task.id"], "0");
    let both = body(&rocketmq.get("/getAllocatedInfo").await);
    assert_eq!(both["connectors"]["src"]["topic"], "lines");
    assert_eq!(both["tasks"], allocated);
    let configs = body(&rocketmq.get("/getConfigInfo").await);
    assert_eq!(configs["connectorConfigs"]["src"]["topic"], "lines");
    assert_eq!(configs["taskConfigs"]["src"][0]["topic"], "lines");
    let missing = rocketmq.get("/connectors/src/tasks/9/status").await;
    assert_eq!(refused(&missing, 404), "No status found for task src-9");
}

#[tokio::test]
async fn what_its_command_line_parses_has_the_earlier_form() {
    let (rocketmq, _) = benches().await;
    body(&rocketmq.call("POST", "/connectors/snk", &sink(&rocketmq)).await);
    rocketmq.until("/connectors/snk/status", "/body/tasks/0/state", "RUNNING".into()).await;
    let connectors = rocketmq.get("/getAllocatedConnectors").await.json();
    assert_eq!(connectors["snk"]["properties"]["topicNames"], "lines", "{connectors}");
    let tasks = rocketmq.get("/getAllocatedTasks").await.json();
    let task = &tasks["runningTasks"][0];
    assert_eq!((&task["connectorName"], &task["state"]), (&"snk".into(), &"RUNNING".into()));
    let properties = &task["configs"]["properties"];
    assert_eq!(properties["task-class"], "org.apache.kafka.connect.file.FileStreamSinkTask");
    assert_eq!((&properties["task-id"], &properties["topicNames"]), (&"0".into(), &"lines".into()));
    for group in ["pendingTasks", "stoppedTasks", "errorTasks", "stoppingTasks"] {
        assert_eq!(tasks[group], json!([]), "{group}");
    }
}

#[tokio::test]
async fn a_failed_task_is_an_error_task_with_its_trace() {
    let (rocketmq, _) = benches().await;
    let config = json!({"connector.class": SINK, "connect.topicnames": "lines",
        "filename": rocketmq.path("no-such-folder/out.txt")});
    body(&rocketmq.call("POST", "/connectors/snk", &config.to_string()).await);
    rocketmq.until("/connectors/snk/status", "/body/tasks/0/state", "FAILED".into()).await;
    let status = body(&rocketmq.get("/connectors/snk/status").await);
    assert_eq!(status["type"], "SINK");
    let trace = status["tasks"][0]["trace"].as_str().unwrap_or_default();
    assert!(trace.contains("no-such-folder"), "{status}");
    let tasks = body(&rocketmq.get("/allocated/tasks").await);
    assert_eq!(tasks["errorTasks"][0]["taskState"], "ERROR", "{tasks}");
    assert_eq!(tasks["runningTasks"], json!([]));
}

#[tokio::test]
async fn secrets_of_config_providers_are_never_resolved() {
    let (rocketmq, kafka) = benches().await;
    let config = json!({"connector.class": SOURCE, "filename": rocketmq.path("in.txt"),
        "connect.topicname": "lines", "password": "${file:/secrets:password}"});
    body(&rocketmq.call("POST", "/connectors/src", &config.to_string()).await);
    let here = body(&rocketmq.get("/connectors/src/config").await)["config"].clone();
    assert_eq!(here["password"], "${file:/secrets:password}");
    assert_eq!(here, kafka.get("/connectors/src/config").await.json());
}

#[tokio::test]
async fn plugins_are_listed_with_their_keys() {
    let (rocketmq, _) = benches().await;
    let connectors = body(&rocketmq.get("/plugin/list/connectors").await);
    let sink = json!({
        "className": "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "type": "SINK", "version": gantry_model::plugin::KAFKA_VERSION,
    });
    let all = body(&rocketmq.get("/plugin/list").await);
    for list in [&connectors, &all] {
        assert!(list.as_array().unwrap().contains(&sink), "{list}");
    }
    let types = |list: &Json| -> std::collections::BTreeSet<String> {
        let plugins = list.as_array().unwrap().iter();
        plugins.map(|plugin| plugin["type"].as_str().unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(types(&connectors).into_iter().collect::<Vec<_>>(), ["SINK", "SOURCE"]);
    let kinds: Vec<_> = types(&all).into_iter().collect();
    assert_eq!(kinds, ["CONVERTER", "SINK", "SOURCE", "TRANSFORMATION"]);

    let keys = body(&rocketmq.get(&format!("/plugin/config?className={SOURCE}")).await);
    assert_eq!(keys[0]["name"], "file");
    assert_eq!(keys[0]["displayName"], "file");
    assert_eq!(keys[0]["orderInGroup"], -1);
    assert!(refused(&rocketmq.get("/plugin/config").await, 400).contains("'className'"));
    let unknown = rocketmq.get("/plugin/config?className=nope").await;
    assert_eq!(refused(&unknown, 404), "Unknown plugin nope.");
    let reload = body(&rocketmq.get("/plugin/reload").await);
    assert!(reload.as_str().unwrap_or_default().starts_with("Plugin reload succeeded"), "{reload}");
}

#[tokio::test]
async fn a_configuration_is_validated_without_being_created() {
    let (rocketmq, kafka) = benches().await;
    let good = json!({"connector.class": SINK, "connect.topicnames": "a;b",
        "max.tasks": 2, "isKey": "true"});
    let path = "/plugin/config/validate";
    let posted = rocketmq.call("POST", path, &good.to_string()).await;
    let verdict = body(&posted);
    assert_eq!(verdict["errorCount"], 0, "{verdict}");
    assert_eq!(posted.json()["warnings"].as_array().map(Vec::len), Some(1));
    let find = |verdict: &Json, name: &str| {
        let configs = verdict["configs"].as_array().unwrap();
        configs.iter().find(|config| config["value"]["name"] == name).unwrap().clone()
    };
    assert_eq!(find(&verdict, "topics")["value"]["value"], "a,b");
    assert_eq!(find(&verdict, "tasks.max")["definition"]["defaultValue"], "1");
    assert_eq!(find(&verdict, "tasks.max")["value"]["recommendedValues"], json!([]));

    let bad = json!({"connector.class": SOURCE, "max.tasks": "many"}).to_string();
    let verdict = body(&rocketmq.get(&format!("{path}?{}", query(&bad))).await);
    assert_eq!(verdict["errorCount"], 3, "{verdict}");
    let errors = find(&verdict, "tasks.max")["value"]["errors"].to_string();
    assert!(errors.contains("Invalid value many for configuration tasks.max"), "{errors}");
    let errors = find(&verdict, "topic")["value"]["errors"].to_string();
    assert!(errors.contains("Missing required configuration"), "{errors}");
    let twice = json!({"connector.class": SINK, "max.tasks": 1, "tasks.max": 2}).to_string();
    let contradiction = rocketmq.call("POST", path, &twice).await;
    assert!(refused(&contradiction, 400).contains("max.tasks=1 and tasks.max=2"));
    let required = rocketmq.get(path).await;
    assert_eq!(refused(&required, 400), "Failed! query param 'config' is required ");
    assert_eq!(kafka.get("/connectors").await.text, "[]");
}

#[tokio::test]
async fn pages_are_refused() {
    let (rocketmq, kafka) = benches().await;
    let created = rocketmq.call("POST", "/connectors/src", &source(&rocketmq)).await;
    assert_eq!(created.status, StatusCode::OK, "{created:?}");
    let get = |name: &str, value: &str| {
        let request = Request::builder().uri("/connectors/stop/all").header(name, value);
        rocketmq.send(request.body(Body::empty()).unwrap())
    };
    for (name, value) in [
        ("origin", "http://other.example"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        // Another port of the same host is the same site.
        ("sec-fetch-site", "same-site"),
    ] {
        let message = refused(&get(name, value).await, 403);
        assert!(message.contains("answers no web pages"), "{name}: {value}: {message}");
    }
    assert_eq!(kafka.get("/connectors").await.text, r#"["src"]"#);
    // Typed into a browser's line.
    assert_eq!(get("sec-fetch-site", "none").await.status, StatusCode::OK);
    assert_eq!(kafka.get("/connectors").await.text, "[]");
}

#[tokio::test]
async fn users_are_asked_for_here_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let users = dir.path().join("users.properties");
    std::fs::write(&users, "me=secret\n").unwrap();
    let auth = BasicAuth::open(&AuthSource::Users(users)).unwrap();
    let edge = Edge { auth: Some(Arc::new(auth)), ..Edge::default() };
    let rocketmq = Bench::with(Scheme::Http, edge).await.behind(router);
    for path in ["/connectors/list", "/connectors/stop/all", "/nowhere"] {
        assert_eq!(refused(&rocketmq.get(path).await, 401), "HTTP 401 Unauthorized", "{path}");
    }
    let request = Request::builder()
        .uri("/connectors/list")
        .header(header::AUTHORIZATION, "Basic bWU6c2VjcmV0");
    let answer = rocketmq.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(body(&answer), json!({}));
}
