//! Starting the JVM of this process.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use bytes::Bytes;
use gantry_api::{Error, Result};
use jni::errors::ThrowRuntimeExAndDefault;
use jni::ids::{JMethodID, JStaticMethodID};
use jni::objects::{JByteArray, JClass};
use jni::refs::Global;
use jni::sys::{jint, jlong};
use jni::vm::{InitArgsBuilder, JavaVM};
use jni::{Env, EnvUnowned, JNIVersion, NativeMethod, jni_sig, jni_str};

use super::find::Java;

/// Below this heap, or with so few cores, the collector with the smallest footprint is the best.
const SMALL_HEAP_MB: u64 = 2_048;
const FEW_CORES: usize = 2;
/// A quarter of the machine's memory, as Java itself would take, within these bounds.
const HEAP_SHARE: u64 = 4;
const HEAP_MIN_MB: u64 = 256;
const HEAP_MAX_MB: u64 = 8_192;

/// Who answers upcalls. There is one JVM in a process, and so one who answers.
pub(crate) type Answer = fn(operation: i32, target: i64, request: Bytes) -> Result<Option<Vec<u8>>>;
static ANSWER: OnceLock<Answer> = OnceLock::new();

/// The JVM of this process.
#[derive(Debug)]
pub(crate) struct Jvm {
    pub(super) vm: JavaVM,
    pub(super) bridge: Global<JClass<'static>>,
    pub(super) methods: Methods,
}

/// All methods that are ever called.
#[derive(Debug)]
pub(super) struct Methods {
    /// `static Channel Bridge.open()`
    pub(super) open: JStaticMethodID,
    /// `static int Bridge.call(Channel, int, long, int)`
    pub(super) call: JStaticMethodID,
    /// `static void Bridge.interrupt(Channel)`
    pub(super) interrupt: JStaticMethodID,
    /// `ByteBuffer Channel.buffer()`
    pub(super) buffer: JMethodID,
    /// `void Channel.reserve(int)`
    pub(super) reserve: JMethodID,
}

/// The options that the JVM gets in front of the user's, which win.
fn default_options(given: &[String]) -> Vec<String> {
    // Signals are ours.
    let mut options = vec!["-Xrs".to_owned(), NO_PERF_DATA.to_owned()];
    let heap_mb = (memory_mb() / HEAP_SHARE).clamp(HEAP_MIN_MB, HEAP_MAX_MB);
    if !says_heap(given) {
        options.push(format!("-Xmx{heap_mb}m"));
    }
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    if !says_collector(given) && (heap_mb <= SMALL_HEAP_MB || cores <= FEW_CORES) {
        options.push(SMALL_COLLECTOR.to_owned());
    }
    options
}

/// Whether options say how large the heap may be.
pub(crate) fn says_heap(options: &[String]) -> bool {
    let prefixes = ["-Xmx", "-XX:MaxRAM", "-XX:MaxHeapSize"];
    options.iter().any(|option| prefixes.iter().any(|prefix| option.starts_with(prefix)))
}

/// Whether options choose a collector.
pub(crate) fn says_collector(options: &[String]) -> bool {
    options.iter().any(|option| option.starts_with("-XX:+Use") && option.ends_with("GC"))
}

/// The collector with the smallest footprint.
pub(crate) const SMALL_COLLECTOR: &str = "-XX:+UseSerialGC";

/// No file tells others how a JVM does.
pub(crate) const NO_PERF_DATA: &str = "-XX:-UsePerfData";

/// The memory that this process may have, in MiB: the machine's, or its container's if less.
fn memory_mb() -> u64 {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        let kb: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
        Some(kb / 1024)
    });
    let container = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok())
        .map(|bytes| bytes >> 20);
    let machine = machine.unwrap_or(HEAP_MIN_MB * HEAP_SHARE);
    container.map_or(machine, |container| container.min(machine))
}

/// The class path as an option.
pub(crate) fn class_path_option(jars: &[PathBuf]) -> Result<String> {
    let joined = std::env::join_paths(jars).map_err(|error| {
        Error::config(format!("The directory of the Java side cannot be a class path: {error}"))
    })?;
    Ok(format!("-Djava.class.path={}", joined.to_string_lossy()))
}

impl Jvm {
    /// Starts it. A process can do so once.
    pub(crate) fn start(
        java: &Java,
        jars: &[PathBuf],
        options: &[String],
        answer: Answer,
    ) -> Result<Self> {
        let mut args = InitArgsBuilder::new().version(JNIVersion::V10);
        let defaults = default_options(options);
        let class_path = class_path_option(jars)?;
        for option in defaults.iter().chain(options).chain([&class_path]) {
            args = args.option(option);
        }
        let args = args.build().map_err(|error| {
            Error::config(format!("gantry.jvm.options cannot be used: {error}"))
        })?;
        let vm = JavaVM::with_libjvm(args, || Ok(&java.library)).map_err(|error| {
            Error::connect(format!(
                "The JVM of {} did not start with the options {}: {error}. What it printed on \
                 standard error says more; gantry.jvm.options holds your own options.",
                java.home.display(),
                [defaults.as_slice(), options].concat().join(" "),
            ))
        })?;
        let _ = ANSWER.set(answer);
        Self::bind(vm).map_err(|error| {
            Error::connect(format!("The Java side of the bridge could not be loaded: {error}"))
        })
    }

    fn bind(vm: JavaVM) -> jni::errors::Result<Self> {
        vm.attach_current_thread(|env| {
            let class = env.find_class(jni_str!("gantry/bridge/Bridge"))?;
            let channel = env.find_class(jni_str!("gantry/bridge/Channel"))?;
            let open = jni_sig!("()Lgantry/bridge/Channel;");
            let call = jni_sig!("(Lgantry/bridge/Channel;IJI)I");
            let interrupt = jni_sig!("(Lgantry/bridge/Channel;)V");
            let methods = Methods {
                open: env.get_static_method_id(&class, jni_str!("open"), open)?,
                call: env.get_static_method_id(&class, jni_str!("call"), call)?,
                interrupt: env.get_static_method_id(&class, jni_str!("interrupt"), interrupt)?,
                buffer: env.get_method_id(
                    &channel,
                    jni_str!("buffer"),
                    jni_sig!("()Ljava/nio/ByteBuffer;"),
                )?,
                reserve: env.get_method_id(&channel, jni_str!("reserve"), jni_sig!("(I)V"))?,
            };
            register_upcall(env, &class)?;
            Ok(Self { vm: vm.clone(), bridge: env.new_global_ref(&class)?, methods })
        })
    }
}

#[allow(unsafe_code, reason = "a native method is registered by its address")]
fn register_upcall(env: &mut Env<'_>, class: &JClass<'_>) -> jni::errors::Result<()> {
    let address = upcall as *mut std::ffi::c_void;
    // SAFETY: `upcall` has the parameters and the result of a static method of this signature,
    // and it is there as long as the process is.
    unsafe {
        let method =
            NativeMethod::from_raw_parts(jni_str!("upcall"), jni_str!("(IJ[B)[B"), address);
        env.register_native_methods(class, &[method])
    }
}

/// Why an upcall has no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("{0}")]
    Jni(#[from] jni::errors::Error),
    #[error("nobody answers upcalls")]
    Nobody,
    #[error("{}", .0.message())]
    Refused(Error),
}

/// `static native byte[] Bridge.upcall(int, long, byte[])`. Neither an error nor a panic goes
/// past it: both become exceptions.
extern "system" fn upcall<'local>(
    mut env: EnvUnowned<'local>,
    _class: JClass<'local>,
    operation: jint,
    target: jlong,
    request: JByteArray<'local>,
) -> JByteArray<'local> {
    env.with_env(|env| -> Result<JByteArray<'local>, Unanswered> {
        let request = env.convert_byte_array(&request)?;
        let answer = ANSWER.get().ok_or(Unanswered::Nobody)?;
        match answer(operation, target, request.into()).map_err(Unanswered::Refused)? {
            None => Ok(JByteArray::default()),
            Some(bytes) => Ok(env.byte_array_from_slice(&bytes)?),
        }
    })
    .resolve::<ThrowRuntimeExAndDefault>()
}
