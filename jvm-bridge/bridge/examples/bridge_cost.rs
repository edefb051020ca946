//! What the bridge costs: CPU time per record of polls and puts of a Java plugin that itself costs nothing.
//!
//! `bridge_cost PLUGIN_PATH [--kind flat|struct] [--batch 1000] [--batches 3000] [--rounds 5]` prints one line of JSON for each
//! side. `bridge_cost PLUGIN_PATH --cycles 1000000 [--batch 100] [--recreate 1000]` polls and puts for long, makes the tasks
//! anew now and then, and prints the memory of the process.
//!
//! The plugin is that of `tests/bench/jvm/plugin`; PLUGIN_PATH is the directory that its directory is in.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry_api::{
    CancellationToken, OffsetMap, OffsetReader, PluginRegistry, Props, SinkRecord, SinkTask,
    SinkTaskContext, SourcePartition, SourceRecord, SourceTask, SourceTaskContext, Str,
    TaskFactory, TimestampType, TopicPartition,
};
use gantry_jvm_bridge::{DiscoveryMode, JavaPlugins, JavaSettings};

type Outcome<T> = Result<T, Box<dyn Error>>;

const TOPIC: &str = "t";
/// So long each side runs before its first round: the JIT compiles meanwhile.
const WARM: Duration = Duration::from_secs(3);
/// Lines of a long run.
const REPORTS: u64 = 40;

struct Options {
    plugin_path: PathBuf,
    java_options: Vec<String>,
    dir: PathBuf,
    kind: String,
    batch: u64,
    batches: u64,
    rounds: usize,
    cycles: u64,
    recreate: u64,
}

struct NoOffsets;
impl OffsetReader for NoOffsets {
    fn offset(&self, _partition: &SourcePartition) -> Option<OffsetMap> {
        None
    }
}

struct Plugins {
    registry: PluginRegistry,
    /// Numbers the connectors, whose names are in those of their threads.
    made: u32,
}

/// A task, and the name of the thread that runs its Java code.
struct Started<T: ?Sized> {
    task: Box<T>,
    thread: String,
}

impl Plugins {
    fn name(&mut self) -> (Str, String) {
        self.made += 1;
        let name = format!("{}", self.made % 100);
        // As Linux keeps it: 15 bytes.
        let thread: String = format!("task-thread-{name}-0").chars().take(15).collect();
        (name.into(), thread)
    }

    fn factory(&self, class: &str) -> Outcome<TaskFactory> {
        let plugin = self.registry.find_connector(class);
        Ok(plugin.ok_or_else(|| format!("{class} is not on the plugin path"))?.tasks.clone())
    }

    async fn source(&mut self, kind: &str, batch: u64) -> Outcome<Started<dyn SourceTask>> {
        let TaskFactory::Source(make) = self.factory("bench.Generator")? else {
            return Err("the generator is no source".into());
        };
        let (connector, thread) = self.name();
        let mut task = make()?;
        let ctx = SourceTaskContext {
            connector,
            task: 0,
            cancel: CancellationToken::new(),
            offsets: Arc::new(NoOffsets),
            defines_transactions: false,
            isolation: gantry_api::Isolation::Shared,
        };
        task.start(ctx, &props(&[("topic", TOPIC), ("kind", kind), ("batch", &batch.to_string())]))
            .await?;
        Ok(Started { task, thread })
    }

    async fn sink(&mut self) -> Outcome<Started<dyn SinkTask>> {
        let TaskFactory::Sink(make) = self.factory("bench.Counter")? else {
            return Err("the counter is no sink".into());
        };
        let (connector, thread) = self.name();
        let mut task = make()?;
        let ctx = SinkTaskContext::new(connector, 0, CancellationToken::new());
        task.start(ctx, &props(&[("topics", TOPIC)])).await?;
        task.open(&[(TopicPartition::new(TOPIC, 0), None)]).await?;
        Ok(Started { task, thread })
    }
}

fn props(pairs: &[(&str, &str)]) -> Props {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// CPU time so far by a file of `schedstat`.
fn cpu_of(path: &Path) -> Outcome<Duration> {
    let text = fs::read_to_string(path)?;
    Ok(Duration::from_nanos(text.split(' ').next().unwrap_or_default().parse()?))
}

/// Of this thread.
fn cpu_here() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// Of all threads.
fn cpu_of_process() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}

/// Where the CPU time of a thread of that name stands.
fn schedstat_of(thread: &str) -> Outcome<PathBuf> {
    for entry in fs::read_dir("/proc/self/task")? {
        let entry = entry?.path();
        if fs::read_to_string(entry.join("comm"))?.trim_end() == thread {
            return Ok(entry.join("schedstat"));
        }
    }
    Err(format!("there is no thread {thread}").into())
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stdout(), "{line}")?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// What the rounds of one side took, in nanoseconds per record.
#[derive(Default)]
struct Rounds {
    java: Vec<f64>,
    rust: Vec<f64>,
    freeing: Vec<f64>,
    whole: Vec<f64>,
}

impl Rounds {
    fn say(self, side: &str, kind: &str) -> Outcome<()> {
        let rounds: Vec<String> = self
            .java
            .iter()
            .zip(&self.rust)
            .map(|(java, rust)| format!("{:.1}", java + rust))
            .collect();
        say(&format!(
            "{{\"side\": \"{side}\", \"kind\": \"{kind}\", \"java_ns\": {:.1}, \"rust_ns\": {:.1}, \"freeing_ns\": {:.1}, \
             \"process_ns\": {:.1}, \"rounds\": [{}]}}",
            median(self.java),
            median(self.rust),
            median(self.freeing),
            median(self.whole),
            rounds.join(", ")
        ))
    }
}

async fn source(plugins: &mut Plugins, options: &Options) -> Outcome<Vec<SourceRecord>> {
    let Started { mut task, thread } = plugins.source(&options.kind, options.batch).await?;
    let begun = Instant::now();
    while begun.elapsed() < WARM {
        task.poll().await?;
    }
    let java = schedstat_of(&thread)?;
    let records = (options.batches * options.batch) as f64;
    let per_record = |time: Duration| time.as_nanos() as f64 / records;
    let mut rounds = Rounds::default();
    for _ in 0..options.rounds {
        let (java_before, whole_before) = (cpu_of(&java)?, cpu_of_process());
        let (mut rust, mut freeing) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..options.batches {
            let begun = cpu_here();
            let batch = task.poll().await?;
            let polled = cpu_here();
            drop(batch);
            rust += polled - begun;
            freeing += cpu_here() - polled;
        }
        rounds.whole.push(per_record(cpu_of_process() - whole_before));
        rounds.java.push(per_record(cpu_of(&java)? - java_before));
        rounds.rust.push(per_record(rust));
        rounds.freeing.push(per_record(freeing));
    }
    rounds.say("source", &options.kind)?;
    let last = task.poll().await?;
    task.stop().await?;
    Ok(last)
}

fn for_sink(records: Vec<SourceRecord>) -> Vec<SinkRecord> {
    let origin = TopicPartition::new(TOPIC, 0);
    let sink = |(offset, polled): (usize, SourceRecord)| SinkRecord {
        record: polled.record,
        origin: origin.clone(),
        offset: offset as u64,
        timestamp_type: TimestampType::CreateTime,
    };
    records.into_iter().enumerate().map(sink).collect()
}

async fn sink(plugins: &mut Plugins, options: &Options, records: Vec<SinkRecord>) -> Outcome<()> {
    let Started { mut task, thread } = plugins.sink().await?;
    let begun = Instant::now();
    while begun.elapsed() < WARM {
        task.put(&records).await?;
    }
    let java = schedstat_of(&thread)?;
    let per_record =
        |time: Duration| time.as_nanos() as f64 / (options.batches * records.len() as u64) as f64;
    let mut rounds = Rounds::default();
    for _ in 0..options.rounds {
        let (java_before, whole_before, rust_before) =
            (cpu_of(&java)?, cpu_of_process(), cpu_here());
        for _ in 0..options.batches {
            task.put(&records).await?;
        }
        rounds.rust.push(per_record(cpu_here() - rust_before));
        rounds.java.push(per_record(cpu_of(&java)? - java_before));
        rounds.whole.push(per_record(cpu_of_process() - whole_before));
        rounds.freeing.push(0.0);
    }
    rounds.say("sink", &options.kind)?;
    task.stop().await?;
    Ok(())
}

fn status(field: &str) -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).ok_or("no such field")?;
    Ok(line.trim_start_matches(':').trim().trim_end_matches(" kB").parse()?)
}

/// Polls and puts for long.
async fn cycles(plugins: &mut Plugins, options: &Options) -> Outcome<()> {
    let begun = Instant::now();
    let every = (options.cycles / REPORTS).max(1);
    let mut done = 0;
    while done < options.cycles {
        for kind in ["flat", "struct"] {
            let mut source = plugins.source(kind, options.batch).await?;
            let mut sink = plugins.sink().await?;
            for _ in 0..options.recreate {
                let records = for_sink(source.task.poll().await?);
                sink.task.put(&records).await?;
                done += 1;
                if done % every == 0 {
                    let descriptors = fs::read_dir("/proc/self/fd")?.count();
                    say(&format!(
                        "{{\"cycles\": {done}, \"seconds\": {:.1}, \"rss_kib\": {}, \"threads\": {}, \"descriptors\": {descriptors}}}",
                        begun.elapsed().as_secs_f64(),
                        status("VmRSS")?,
                        status("Threads")?,
                    ))?;
                }
            }
            source.task.stop().await?;
            sink.task.stop().await?;
        }
    }
    Ok(())
}

fn options() -> Outcome<Options> {
    let mut words = std::env::args().skip(1);
    let plugin_path = PathBuf::from(words.next().ok_or("where is the plugin?")?);
    let mut options = Options {
        plugin_path,
        java_options: vec!["-Xmx512m".to_owned()],
        dir: std::env::temp_dir().join(format!("bridge-cost-{}", std::process::id())),
        kind: String::new(),
        batch: 1_000,
        batches: 3_000,
        rounds: 5,
        cycles: 0,
        recreate: 1_000,
    };
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} has no value"))?;
        match word.as_str() {
            "--kind" => options.kind = value,
            "--batch" => options.batch = value.parse()?,
            "--batches" => options.batches = value.parse()?,
            "--rounds" => options.rounds = value.parse()?,
            "--cycles" => options.cycles = value.parse()?,
            "--recreate" => options.recreate = value.parse()?,
            "--java" => options.java_options.push(value),
            _ => return Err(format!("unknown option {word}").into()),
        }
    }
    Ok(options)
}

fn settings(options: &Options) -> JavaSettings {
    JavaSettings {
        java_home: None,
        environment_java_home: std::env::var_os("JAVA_HOME").map(PathBuf::from),
        environment_path: std::env::var_os("PATH"),
        options: options.java_options.clone(),
        dir: options.dir.clone(),
    }
}

fn main() -> Outcome<()> {
    let mut options = options()?;
    let java = JavaPlugins::new(
        settings(&options),
        vec![options.plugin_path.clone()],
        DiscoveryMode::default(),
    );
    let mut registry = PluginRegistry::default();
    java.register(&mut registry)?;
    let mut plugins = Plugins { registry, made: 0 };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let kinds = match options.kind.as_str() {
        "" => vec!["flat", "struct"],
        kind => vec![kind],
    };
    let kinds: Vec<String> = kinds.into_iter().map(str::to_owned).collect();
    let outcome = runtime.block_on(async {
        if options.cycles > 0 {
            return cycles(&mut plugins, &options).await;
        }
        for kind in kinds {
            options.kind = kind;
            let records = source(&mut plugins, &options).await?;
            sink(&mut plugins, &options, for_sink(records)).await?;
        }
        Ok(())
    });
    // Only what a run leaves: the jars of the Java side.
    fs::remove_dir_all(&options.dir)?;
    outcome
}
