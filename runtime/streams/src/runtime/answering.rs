//! Questions answered, on the threads that have the tasks.

use super::threads::Asking;
use super::worker::{Running, Worker};
use crate::query::Answer;

impl Worker {
    /// Answers what was asked meanwhile.
    pub(super) fn answer_all(&mut self) {
        while let Ok(asking) = self.receivers.questions.try_recv() {
            answer(&self.work.tasks, asking);
        }
    }
}

/// Answers one question from what a task holds now.
pub(super) fn answer(tasks: &[Running], asking: Asking) {
    let Asking { place, store, question, entries_max, until, answer } = asking;
    // Whoever asked may not wait any more.
    if answer.is_closed() {
        return;
    }
    // What another instance may have by now is not told.
    let running = tasks.iter().find(|running| running.place == place && running.is_valid());
    let told = running.and_then(|running| {
        running.task.answer(&store, &question, Answer::new(entries_max, until))
    });
    let _ = answer.send(told);
}
