//! Who looks on while a record passes the stages.

use gantry_api::ConnectRecord;

/// Is told what becomes of a record at each stage. A task looks at nothing: that is `()`, for
/// which the calls are compiled away.
pub(crate) trait Watch {
    /// The converters have made this of a raw record.
    fn converted(&mut self, _record: &ConnectRecord) {}
    /// The next transformation does not apply to it.
    fn skipped(&mut self) {}
    /// The next transformation has made this of it; `None`: dropped it.
    fn applied(&mut self, _record: Option<&ConnectRecord>) {}
}

impl Watch for () {}
