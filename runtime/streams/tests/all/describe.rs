//! Topologies as text and as pictures.

use gantry_streams::{StreamBuilder, Topology, Tumbling, UntilWindowCloses, text};

use crate::windows::ms;

fn topology() -> Topology {
    let builder = StreamBuilder::new("words \"x\"");
    let lines = builder.source("lines", text());
    lines.sink("copy", text());
    lines
        .group_by(|_, word: &String| word.clone())
        .window(Tumbling::of(ms(10)))
        .count()
        .suppress(UntilWindowCloses)
        .to_stream()
        .map_values(|_, count| count.to_string())
        .sink("counts", text());
    builder.build()
}

#[test]
fn as_kafka_streams_tells_it() {
    let wanted = "\
Topologies:
   Sub-topology: 0
    Source: source-0 (topics: [lines])
      --> sink-1, key-by-2
    Sink: sink-1 (topic: copy)
      <-- source-0
    Processor: key-by-2 (stores: [])
      --> shuffle-sink-3
      <-- source-0
    Sink: shuffle-sink-3 (topic: words \"x\"-shuffle-3)
      <-- key-by-2

   Sub-topology: 1
    Source: shuffle-4 (topics: [words \"x\"-shuffle-3])
      --> window-5
    Processor: window-5 (stores: [words \"x\"-window-5])
      --> suppress-6
      <-- shuffle-4
    Processor: suppress-6 (stores: [words \"x\"-suppress-6])
      --> flat-map-values-7
      <-- window-5
    Processor: flat-map-values-7 (stores: [])
      --> map-values-8
      <-- suppress-6
    Processor: map-values-8 (stores: [])
      --> sink-9
      <-- flat-map-values-7
    Sink: sink-9 (topic: counts)
      <-- map-values-8

";
    assert_eq!(topology().describe(), wanted);
}

#[test]
fn as_a_picture_of_graphviz() {
    let wanted = r#"digraph "words \"x\"" {
  topic0 [label="copy", shape=cds];
  topic1 [label="counts", shape=cds];
  topic2 [label="lines", shape=cds];
  topic3 [label="words \"x\"-shuffle-3", shape=cds];
  subgraph cluster_0 {
    label="Sub-topology 0";
    node0 [label="source-0", shape=box];
    node1 [label="sink-1", shape=box];
    node2 [label="key-by-2", shape=box];
    node3 [label="shuffle-sink-3", shape=box];
  }
  subgraph cluster_1 {
    label="Sub-topology 1";
    node4 [label="shuffle-4", shape=box];
    node5 [label="window-5", shape=box];
    node6 [label="suppress-6", shape=box];
    node7 [label="flat-map-values-7", shape=box];
    node8 [label="map-values-8", shape=box];
    node9 [label="sink-9", shape=box];
    store1_0 [label="words \"x\"-window-5", shape=cylinder];
    store1_1 [label="words \"x\"-suppress-6", shape=cylinder];
  }
  topic2 -> node0;
  node0 -> node1;
  node0 -> node2;
  node1 -> topic0;
  node2 -> node3;
  node3 -> topic3;
  topic3 -> node4;
  node4 -> node5;
  node5 -> node6;
  node5 -> store1_0 [dir=none, style=dashed];
  node6 -> node7;
  node6 -> store1_1 [dir=none, style=dashed];
  node7 -> node8;
  node8 -> node9;
  node9 -> topic1;
}
"#;
    assert_eq!(topology().graphviz(), wanted);
}

#[test]
fn as_a_picture_of_mermaid() {
    let wanted = r#"flowchart TD
  topic0[/"copy"/]
  topic1[/"counts"/]
  topic2[/"lines"/]
  topic3[/"words #quot;x#quot;-shuffle-3"/]
  subgraph sub0 ["Sub-topology 0"]
    node0["source-0"]
    node1["sink-1"]
    node2["key-by-2"]
    node3["shuffle-sink-3"]
  end
  subgraph sub1 ["Sub-topology 1"]
    node4["shuffle-4"]
    node5["window-5"]
    node6["suppress-6"]
    node7["flat-map-values-7"]
    node8["map-values-8"]
    node9["sink-9"]
    store1_0[("words #quot;x#quot;-window-5")]
    store1_1[("words #quot;x#quot;-suppress-6")]
  end
  topic2 --> node0
  node0 --> node1
  node0 --> node2
  node1 --> topic0
  node2 --> node3
  node3 --> topic3
  topic3 --> node4
  node4 --> node5
  node5 --> node6
  node5 -.- store1_0
  node6 --> node7
  node6 -.- store1_1
  node7 --> node8
  node8 --> node9
  node9 --> topic1
"#;
    assert_eq!(topology().mermaid(), wanted);
}
