//! `gantry lint`

use std::process::ExitCode;
use std::sync::Arc;

use gantry_api::PluginRegistry;
use serde_json::json;

use super::args::LintArgs;
use super::output::{say, say_bytes};
use crate::lint::{FileReport, Level, Worker, explain, lint_files, markdown};

/// The exit status when there are warnings and no error.
const EXIT_WARNINGS: u8 = 3;

/// Looks at files, or explains codes.
pub(super) fn run(args: &LintArgs, plugins: PluginRegistry) -> Result<ExitCode, String> {
    if let Some(code) = &args.explain {
        let text = code.as_deref().map_or_else(|| Ok(markdown()), explain)?;
        say_bytes(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let worker = args.worker.as_deref().map(Worker::read).transpose()?;
    let reports = lint_files(&args.files, worker, &Arc::new(plugins));
    let count = |level| reports.iter().map(|report| report.count(level)).sum::<usize>();
    let (errors, warnings, infos) =
        (count(Level::Error), count(Level::Warning), count(Level::Info));
    if args.json {
        let all = json!({
            "files": reports,
            "errors": errors,
            "warnings": warnings,
            "infos": infos,
        });
        say(all.to_string())?;
    } else {
        reports.iter().try_for_each(show)?;
        say(format!("{errors} error(s), {warnings} warning(s), {infos} info(s)"))?;
    }
    Ok(match (errors, warnings) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(EXIT_WARNINGS),
        _ => ExitCode::FAILURE,
    })
}

fn show(report: &FileReport) -> Result<(), String> {
    for finding in &report.findings {
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("{}:{line}:{column}", report.file),
            _ => report.file.clone(),
        };
        let level = finding.level.as_str();
        say(format!("{place}: {level} {}: {}", finding.code, finding.message))?;
        say(format!("    {}", finding.remedy))?;
    }
    Ok(())
}
