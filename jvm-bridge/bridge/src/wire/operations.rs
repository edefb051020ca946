//! The numbers of operations, as both sides know them.

/// What Rust asks of Java.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum Operation {
    AddLocation = 1,
    Describe = 2,
    Definition = 3,
    Validate = 4,
    RemoveLocation = 5,
    LogLevels = 6,
    Release = 7,
    Stacks = 9,
    NewConnector = 10,
    StartConnector = 11,
    TaskConfigs = 12,
    StopConnector = 13,
    ExactlyOnceSupport = 14,
    TransactionBoundaries = 15,
    AlterOffsets = 16,
    NewTask = 20,
    StartTask = 21,
    Poll = 22,
    Committed = 23,
    Commit = 24,
    StopTask = 25,
    Open = 30,
    Put = 31,
    PreCommit = 32,
    Close = 33,
    NewConverter = 40,
    FromConnect = 41,
    ToConnect = 42,
    NewHeaderConverter = 50,
    FromConnectHeader = 51,
    ToConnectHeader = 52,
    NewTransformation = 60,
    Apply = 61,
    NewPredicate = 62,
    Test = 63,
    NewConfigProvider = 70,
    Get = 71,
    NewOverridePolicy = 72,
    ValidateOverrides = 73,
}

impl Operation {
    /// Whether it moves records: not to be trusted any more once the heap was full, while what
    /// ends a plugin is.
    pub(crate) fn moves_records(self) -> bool {
        matches!(
            self,
            Self::Poll
                | Self::Put
                | Self::PreCommit
                | Self::FromConnect
                | Self::ToConnect
                | Self::FromConnectHeader
                | Self::ToConnectHeader
                | Self::Apply
                | Self::Test
        )
    }
}

/// What Java asks of Rust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Upcall {
    Log,
    Offsets,
    Reconfigure,
    RaiseError,
    Errant,
    Rewind,
    Pause,
    Resume,
    Timeout,
    RequestCommit,
    Exit,
    Assignment,
    HistoryAppend,
    HistoryRead,
    HistoryExists,
    LogWrite,
    LogRead,
    LogQueues,
    LogRange,
    LogMembers,
    LogCommitted,
    LogCommit,
}

impl Upcall {
    /// The upcall of that number, if there is one.
    pub(crate) fn of(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Log,
            2 => Self::Offsets,
            3 => Self::Reconfigure,
            4 => Self::RaiseError,
            5 => Self::Errant,
            6 => Self::Rewind,
            7 => Self::Pause,
            8 => Self::Resume,
            9 => Self::Timeout,
            10 => Self::RequestCommit,
            11 => Self::Exit,
            12 => Self::Assignment,
            13 => Self::HistoryAppend,
            14 => Self::HistoryRead,
            15 => Self::HistoryExists,
            16 => Self::LogWrite,
            17 => Self::LogRead,
            18 => Self::LogQueues,
            19 => Self::LogRange,
            20 => Self::LogMembers,
            21 => Self::LogCommitted,
            22 => Self::LogCommit,
            _ => return None,
        })
    }
}
