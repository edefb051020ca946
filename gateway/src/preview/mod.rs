//! Preview as users meet it: the JSON of requests and answers, and the answer as readable text.
//! What happens to the records is the engine's.

mod answer;
mod data;
mod request;
#[cfg(test)]
mod tests;
mod text;

pub(crate) use answer::PreviewAnswer;
pub(crate) use request::{Body, Encoding, Plan, SampleRequest};
pub(crate) use text::write_text;
