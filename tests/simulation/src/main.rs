//! `gantry-simulation [--seeds N] [--from SEED] [--cuts | --exactly-once]`: runs seeds on all cores.
//! `gantry-simulation --trace SEED [--cuts | --exactly-once]`: tells what happens in one.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use gantry_simulation::{Mutation, Outcome, Plan, run, run_exactly_once, run_with_cuts, trace};

/// Runs the cluster protocol under simulated faults, one world for each seed.
#[derive(Parser, Debug)]
struct Options {
    /// How many seeds.
    #[arg(long, default_value_t = 500)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// Tells all that happens in one seed instead.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["seeds", "from"])]
    trace: Option<u64>,
    /// The broker may lose what it had acknowledged, in each seed.
    #[arg(long)]
    cuts: bool,
    /// Tasks are exactly-once sources, in each seed.
    #[arg(long, conflicts_with = "cuts")]
    exactly_once: bool,
}

fn tell(seed: u64, options: &Options) -> std::io::Result<()> {
    let mut plan = Plan::from_seed(seed, Mutation::None);
    plan.cuts = (plan.cuts || options.cuts) && !options.exactly_once;
    plan.exactly_once = options.exactly_once;
    let (outcome, lines) = trace(seed, plan);
    let mut out = std::io::BufWriter::new(std::io::stdout());
    for line in lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{outcome:?}")
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    if let Some(seed) = options.trace {
        return tell(seed, &options);
    }
    let next = AtomicU64::new(options.from);
    let end = options.from + options.seeds;
    let work = || {
        let mut sum = Outcome::default();
        let mut bad = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return (sum, bad);
            }
            let outcome = match () {
                () if options.exactly_once => run_exactly_once(seed),
                () if options.cuts => run_with_cuts(seed),
                () => run(seed, Mutation::None),
            };
            sum.events += outcome.events;
            sum.records += outcome.records;
            sum.commits += outcome.commits;
            sum.fenced += outcome.fenced;
            sum.answered += outcome.answered;
            if let Some(violation) = outcome.violation {
                bad.push((seed, violation));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<(Outcome, Vec<(u64, String)>)> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        all.into_iter().filter_map(|one| one.join().ok()).collect()
    });
    let mut out = std::io::stdout();
    let mut failed = false;
    for (seed, violation) in results.iter().flat_map(|(_, bad)| bad) {
        failed = true;
        writeln!(out, "seed {seed}: {violation}")?;
    }
    let sum = |of: fn(&Outcome) -> u64| results.iter().map(|(outcome, _)| of(outcome)).sum::<u64>();
    writeln!(
        out,
        "{} seeds: {} events, {} records, {} commits counted and {} were fenced, {} requests done",
        options.seeds,
        sum(|o| o.events),
        sum(|o| o.records),
        sum(|o| o.commits),
        sum(|o| o.fenced),
        sum(|o| o.answered),
    )?;
    std::process::exit(i32::from(failed || results.len() < threads));
}
