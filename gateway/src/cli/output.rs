//! Standard output and standard error.

use std::io::{self, ErrorKind, Write};

/// Writes a line to standard output. Who reads it may have gone (`gantry … | head`): that ends
/// the program quietly, as other tools do.
pub(super) fn say(text: impl AsRef<str>) -> Result<(), String> {
    let mut out = io::stdout().lock();
    written(writeln!(out, "{}", text.as_ref()))
}

/// Writes bytes as they are to standard output.
pub(super) fn say_bytes(bytes: &[u8]) -> Result<(), String> {
    let mut out = io::stdout().lock();
    written(out.write_all(bytes).and_then(|()| out.flush()))
}

fn written(outcome: io::Result<()>) -> Result<(), String> {
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(format!("cannot write to standard output: {error}")),
    }
}

/// Writes a line to standard error.
pub(super) fn complain(text: impl AsRef<str>) {
    let _ = writeln!(io::stderr().lock(), "{}", text.as_ref());
}

/// Rows as a table with aligned columns.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &[String]| {
        let cells: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    let head: Vec<String> = head.iter().map(|&cell| cell.to_owned()).collect();
    let mut lines = vec![line(&head)];
    lines.extend(rows.iter().map(|row| line(row)));
    lines.join("\n")
}
