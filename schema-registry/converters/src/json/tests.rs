use super::*;

#[test]
fn goldens() {
    crate::golden::run::<JsonSchemaFormat>(&[]);
}
