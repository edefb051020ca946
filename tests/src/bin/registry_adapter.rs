//! Runs cases of converters with a schema registry: a case in JSON on each line of the standard
//! input, what became of it on a line of the standard output.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use gantry_tests::registry::Adapter;
use serde_json::{Value as Json, json};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "registry-adapter: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut adapter = Adapter::start()?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let case: Json = serde_json::from_str(&line)?;
        let result =
            adapter.run(&line).unwrap_or_else(|error| json!({ "harnessError": error.to_string() }));
        writeln!(out, "{}", json!({ "id": case["id"], "result": result }))?;
        out.flush()?;
    }
    Ok(())
}
