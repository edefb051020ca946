use super::*;

#[test]
fn recorded_data() {
    crate::golden::run::<ProtobufFormat>(&[]);
}
