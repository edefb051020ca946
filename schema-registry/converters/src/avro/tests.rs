use super::*;

#[test]
fn golden() {
    crate::golden::run::<AvroFormat>(&[]);
}
