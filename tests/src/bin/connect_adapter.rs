//! Answers recorded unit cases, for a runner that is not ours: one JSON case per line on
//! standard input, one line `{"id":…,"result":…}` each on standard output.

use std::io::{BufRead, Write, stdin, stdout};

use gantry_tests::unit::{Input, answer};
use serde_json::json;

fn main() -> std::io::Result<()> {
    let mut out = stdout().lock();
    for line in stdin().lock().lines() {
        let case: Input = serde_json::from_str(&line?)?;
        // A class that is not there gives no line.
        if let Some(result) = answer(&case) {
            writeln!(
                out,
                "{}",
                json!({"id": case.get("id").and_then(Input::as_str), "result": result})
            )?;
        }
    }
    Ok(())
}
