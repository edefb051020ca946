//! A program's own processor in a task.

use crate::context::{Context, SystemMessage};
use crate::error::StreamsError;
use crate::processor::{Belongings, Processor, ProcessorContext, PunctuationType, Schedules};
use crate::record::Record;
use crate::topology::assembly::{Children, Operator, Receive};

/// Gives a processor its records, messages and times.
pub(crate) struct Processing<K, V, P: Processor<K, V>> {
    processor: P,
    children: Children<P::Key, P::Value>,
    belongings: Belongings,
    schedules: Schedules,
    ready: bool,
}

impl<K, V, P: Processor<K, V>> Processing<K, V, P> {
    pub(crate) fn new(
        processor: P,
        children: Children<P::Key, P::Value>,
        belongings: Belongings,
    ) -> Self {
        Self { processor, children, belongings, schedules: Schedules::default(), ready: false }
    }

    /// The processor, with its context.
    fn with<'a>(
        &'a mut self,
        context: &'a mut Context,
    ) -> (&'a mut P, ProcessorContext<'a, P::Key, P::Value>) {
        let Self { processor, children, belongings, schedules, ready } = self;
        let ready = *ready;
        (processor, ProcessorContext { children, context, belongings, schedules, ready })
    }

    fn punctuate(
        &mut self,
        by: PunctuationType,
        time_ms: i64,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        while let Some(punctuator) = self.schedules.take_due(by, time_ms) {
            let (processor, mut context) = self.with(context);
            processor.punctuate(punctuator, time_ms, &mut context)?;
        }
        Ok(())
    }
}

impl<K, V, P: Processor<K, V>> Receive<K, V> for Processing<K, V, P> {
    fn receive(&mut self, record: Record<K, V>, context: &mut Context) -> Result<(), StreamsError> {
        let (processor, mut context) = self.with(context);
        processor.record(record, &mut context)
    }
}

impl<K, V, P: Processor<K, V>> Operator for Processing<K, V, P> {
    fn message(
        &mut self,
        message: SystemMessage,
        context: &mut Context,
    ) -> Result<(), StreamsError> {
        match message {
            SystemMessage::NewSplit(_) => {
                let (processor, mut context) = self.with(context);
                processor.init(&mut context)?;
            }
            SystemMessage::WallClock(now) => {
                self.punctuate(PunctuationType::WallClockTime, now.time_ms, context)?;
            }
            _ => {}
        }
        let (processor, mut context) = self.with(context);
        processor.message(message, &mut context)?;
        self.ready = true;
        Ok(())
    }

    fn stream_time(&mut self, context: &mut Context) -> Result<(), StreamsError> {
        self.punctuate(PunctuationType::StreamTime, context.stream_time_ms, context)?;
        context.punctuate_at_ms = context.punctuate_at_ms.min(self.schedules.first_due_ms());
        Ok(())
    }
}
