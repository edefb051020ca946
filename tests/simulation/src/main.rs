//! `gantry-simulation [--seeds N] [--from SEED] [--cuts]`: runs seeds on all cores.
//! `gantry-simulation --trace SEED [--cuts]`: tells what happens in one.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use gantry_simulation::{Mutation, Outcome, Plan, run, run_with_cuts, trace};

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
}

fn tell(seed: u64, cuts: bool) -> std::io::Result<()> {
    let mut plan = Plan::from_seed(seed, Mutation::None);
    plan.cuts |= cuts;
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
        return tell(seed, options.cuts);
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
            let outcome =
                if options.cuts { run_with_cuts(seed) } else { run(seed, Mutation::None) };
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
