//! A channel to the JVM of this process: a direct buffer that both sides read and write, and one
//! JNI call for each request.

use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use gantry_api::{Error, Result};
use jni::objects::{JByteBuffer, JObject};
use jni::refs::Global;
use jni::signature::{Primitive, ReturnType};
use jni::strings::JNIString;
use jni::vm::AttachConfig;
use jni::{Env, JValue};

use super::start::Jvm;
use crate::wire::{Failure, Operation};

/// Local references that one call needs.
const LOCAL_REFERENCES: usize = 4;

/// One caller's way to Java. Calls come one after the other, from any thread.
#[derive(Debug)]
pub(crate) struct JniChannel {
    jvm: Arc<Jvm>,
    channel: Arc<Global<JObject<'static>>>,
    /// Keeps the memory at `address`.
    buffer: Global<JByteBuffer<'static>>,
    address: *mut u8,
    capacity: usize,
}

// SAFETY: `address` is memory of `buffer`, a direct buffer that Java frees only once the global
// reference to it is gone, whatever thread reads it. It is touched through `&mut self` alone, and
// by Java only during a call, which holds `&mut self` too.
#[allow(unsafe_code, reason = "a raw address keeps a type from being sent")]
unsafe impl Send for JniChannel {}

fn jni_failed(error: jni::errors::Error) -> Error {
    Error::connect(format!("A call into the JVM failed: {error}"))
}

impl JniChannel {
    pub(crate) fn open(jvm: Arc<Jvm>) -> Result<Self> {
        let opened = attached(&jvm, |env| {
            let channel = call_open(env, &jvm)?;
            let channel = env.new_global_ref(&channel)?;
            let (buffer, address, capacity) = buffer_of(env, &jvm, &channel)?;
            Ok((channel, buffer, address, capacity))
        });
        let (channel, buffer, address, capacity) = opened.map_err(jni_failed)?;
        Ok(Self { jvm, channel: Arc::new(channel), buffer, address, capacity })
    }

    /// One call with a request of this length. The outer error is ours, the inner one what Java
    /// has thrown.
    pub(crate) fn call(
        &mut self,
        operation: Operation,
        handle: i64,
        request: &[u8],
        length: i32,
    ) -> Result<Result<Bytes, Failure>> {
        let jvm = Arc::clone(&self.jvm);
        let replied = attached(&jvm, |env| {
            if request.len() > self.capacity {
                call_reserve(env, &jvm, &self.channel, length)?;
                self.refresh(env)?;
            }
            self.write(request);
            let replied = call_call(env, &jvm, &self.channel, operation, handle, length)?;
            if replied.unsigned_abs() as usize > self.capacity {
                self.refresh(env)?;
            }
            Ok(replied)
        });
        let replied = replied.map_err(jni_failed)?;
        let reply = self.read(replied.unsigned_abs() as usize)?;
        if replied >= 0 { Ok(Ok(reply)) } else { Ok(Err(Failure::read(reply)?)) }
    }

    /// What interrupts the thread that is in a call.
    pub(crate) fn interrupter(&self) -> Interrupter {
        Interrupter { jvm: Arc::clone(&self.jvm), channel: Arc::clone(&self.channel) }
    }

    /// The buffer is another one now.
    fn refresh(&mut self, env: &mut Env<'_>) -> jni::errors::Result<()> {
        (self.buffer, self.address, self.capacity) = buffer_of(env, &self.jvm, &self.channel)?;
        Ok(())
    }

    #[allow(unsafe_code, reason = "the buffer is known by its address")]
    fn write(&mut self, request: &[u8]) {
        debug_assert!(request.len() <= self.capacity, "reserved before");
        let length = request.len().min(self.capacity);
        // SAFETY: `address` is the start of `capacity` bytes that `buffer` keeps alive, `length`
        // is no more, and Java neither reads nor writes them outside of a call.
        unsafe { std::ptr::copy_nonoverlapping(request.as_ptr(), self.address, length) };
    }

    #[allow(unsafe_code, reason = "the buffer is known by its address")]
    fn read(&self, length: usize) -> Result<Bytes> {
        if length > self.capacity {
            return Err(Error::connect("Java's reply is longer than its buffer"));
        }
        // SAFETY: as in `write`; the bytes were set: Java's buffers begin as zeros.
        let reply = unsafe { std::slice::from_raw_parts(self.address, length) };
        Ok(Bytes::copy_from_slice(reply))
    }
}

/// Interrupts a call from another thread.
#[derive(Clone, Debug)]
pub(crate) struct Interrupter {
    jvm: Arc<Jvm>,
    channel: Arc<Global<JObject<'static>>>,
}

impl Interrupter {
    /// Interrupts the thread that is in a call, if any.
    pub(crate) fn interrupt(&self) {
        let done = attached(&self.jvm, |env| call_interrupt(env, &self.jvm, &self.channel));
        if let Err(error) = done {
            tracing::warn!(%error, "a Java thread could not be interrupted");
        }
    }
}

/// Runs with this thread attached to the JVM, for as long as the thread lives. Its threads are
/// daemons: none keeps the JVM from ending.
fn attached<T>(
    jvm: &Jvm,
    run: impl FnOnce(&mut Env<'_>) -> jni::errors::Result<T>,
) -> jni::errors::Result<T> {
    // Asked for once in a thread's life.
    let own = OnceCell::new();
    let name = || {
        let name = || JNIString::from(std::thread::current().name().unwrap_or("gantry"));
        AttachConfig::new().thread_name(own.get_or_init(name))
    };
    jvm.vm.attach_current_thread_with_config(name, Some(LOCAL_REFERENCES), run)
}

#[allow(unsafe_code, reason = "methods are called by their ids")]
fn call_open<'local>(env: &mut Env<'local>, jvm: &Jvm) -> jni::errors::Result<JObject<'local>> {
    // SAFETY: the id is that of this method of this class, which has no parameters.
    unsafe {
        env.call_static_method_unchecked(&jvm.bridge, jvm.methods.open, ReturnType::Object, &[])
    }
    .and_then(jni::JValueOwned::into_object)
}

#[allow(unsafe_code, reason = "methods are called by their ids")]
fn call_call(
    env: &mut Env<'_>,
    jvm: &Jvm,
    channel: &JObject<'static>,
    operation: Operation,
    handle: i64,
    length: i32,
) -> jni::errors::Result<i32> {
    let arguments = [
        JValue::from(channel).as_jni(),
        JValue::Int(operation as i32).as_jni(),
        JValue::Long(handle).as_jni(),
        JValue::Int(length).as_jni(),
    ];
    let result = ReturnType::Primitive(Primitive::Int);
    // SAFETY: the id is that of this method of this class; these are its parameters.
    unsafe { env.call_static_method_unchecked(&jvm.bridge, jvm.methods.call, result, &arguments) }
        .and_then(jni::JValueOwned::into_int)
}

#[allow(unsafe_code, reason = "methods are called by their ids")]
fn call_interrupt(
    env: &mut Env<'_>,
    jvm: &Jvm,
    channel: &JObject<'static>,
) -> jni::errors::Result<()> {
    let result = ReturnType::Primitive(Primitive::Void);
    let arguments = [JValue::from(channel).as_jni()];
    // SAFETY: the id is that of this method of this class; this is its parameter.
    unsafe {
        env.call_static_method_unchecked(&jvm.bridge, jvm.methods.interrupt, result, &arguments)
    }?;
    Ok(())
}

#[allow(unsafe_code, reason = "methods are called by their ids")]
fn call_reserve(
    env: &mut Env<'_>,
    jvm: &Jvm,
    channel: &JObject<'static>,
    length: i32,
) -> jni::errors::Result<()> {
    let result = ReturnType::Primitive(Primitive::Void);
    let arguments = [JValue::Int(length).as_jni()];
    // SAFETY: the id is that of this method of the channel's class; this is its parameter.
    unsafe { env.call_method_unchecked(channel, jvm.methods.reserve, result, &arguments) }?;
    Ok(())
}

/// A channel's buffer, where it is and how large.
#[allow(unsafe_code, reason = "methods are called by their ids")]
fn buffer_of(
    env: &mut Env<'_>,
    jvm: &Jvm,
    channel: &JObject<'static>,
) -> jni::errors::Result<(Global<JByteBuffer<'static>>, *mut u8, usize)> {
    // SAFETY: the id is that of this method of the channel's class, which has no parameters.
    let buffer =
        unsafe { env.call_method_unchecked(channel, jvm.methods.buffer, ReturnType::Object, &[]) }
            .and_then(jni::JValueOwned::into_object)?;
    let buffer = env.cast_local::<JByteBuffer<'_>>(buffer)?;
    let (address, capacity) =
        (env.get_direct_buffer_address(&buffer)?, env.get_direct_buffer_capacity(&buffer)?);
    Ok((env.new_global_ref(&buffer)?, address, capacity))
}
