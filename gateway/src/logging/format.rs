//! How an event becomes a line.

use std::fmt;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::names;

/// Time, level, the logger's name for DEBUG and TRACE, message and fields.
#[derive(Debug)]
pub(super) struct Line;

impl<S, N> FormatEvent<S, N> for Line
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        SystemTime.format_time(&mut writer)?;
        let level = *event.metadata().level();
        write!(writer, " {:>5} ", level.as_str())?;
        if level >= Level::DEBUG {
            write!(writer, "{}: ", names::name(event.metadata().target()))?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
