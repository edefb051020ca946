//! The JVM in this process: found, started when first needed, never ended. All that speaks JNI
//! is below here, and nothing else is `unsafe`.

mod channel;
mod find;
mod start;

pub(crate) use channel::{Interrupter, JniChannel};
pub(crate) use find::{Java, Places, find_java};
pub(crate) use start::{
    Jvm, NO_PERF_DATA, SMALL_COLLECTOR, class_path_option, says_collector, says_heap,
};
