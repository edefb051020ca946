use super::bytes::Bytes;
use super::cell::Form;
use super::*;

fn hex(text: &str) -> Vec<u8> {
    let text: String = text.split_whitespace().collect();
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

fn cell(kind: u8, meta: &str, value: &str) -> String {
    let (meta, value) = (hex(meta), hex(value));
    let form = Form::read(kind, &mut Bytes(&meta)).unwrap();
    let mut bytes = Bytes(&value);
    let cell = form.value(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "{cell:?} left {bytes:?}");
    match cell {
        Cell::Decimal(decimal) => json::plain(&decimal),
        other => format!("{other:?}"),
    }
}

#[test]
fn numbers() {
    assert_eq!(cell(1, "", "ff"), "Int(-1)");
    assert_eq!(cell(9, "", "000080"), "Int(-8388608)");
    assert_eq!(cell(8, "", "ffffffffffffffff"), "Int(-1)");
    assert_eq!(cell(4, "04", "0000c03f"), "Float(1.5)");
    assert_eq!(cell(246, "0e04", "810dfb38d204d2"), "1234567890.1234");
    assert_eq!(cell(246, "0e04", "7ef204c72dfb2d"), "-1234567890.1234");
    assert_eq!(cell(246, "0402", "8000"), "0.00");
    assert_eq!(cell(16, "0201", "03ff"), "Bits([3, 255])");
    assert_eq!(cell(13, "", "7e"), "Year(2026)");
}

#[test]
fn texts_enums_and_sets() {
    assert_eq!(cell(15, "2800", "0161"), "Bytes([97])");
    assert_eq!(cell(15, "9001", "010061"), "Bytes([97])");
    assert_eq!(cell(254, "fe0c", "0161"), "Bytes([97])");
    // CHAR(200) of utf8mb4: 800 bytes.
    assert_eq!(cell(254, "ce20", "010061"), "Bytes([97])");
    assert_eq!(cell(254, "f701", "02"), "Enum(2)");
    assert_eq!(cell(254, "f802", "0301"), "Set(259)");
    assert_eq!(cell(252, "02", "010061"), "Bytes([97])");
}

#[test]
fn times() {
    assert_eq!(cell(10, "", "7ed40f"), "Date { year: 2026, month: 3, day: 30 }");
    assert_eq!(cell(10, "", "000000"), "Date { year: 0, month: 0, day: 0 }");
    // 00:00:00, 10:20:30.123456 and negative ones, one of which has a fraction that borrows.
    assert_eq!(cell(19, "00", "800000"), "Time(0)");
    assert_eq!(cell(19, "06", "80a51e01e240"), "Time(37230123456)");
    assert_eq!(cell(19, "06", "7f5ae1fe1dc0"), "Time(-37230123456)");
    assert_eq!(cell(19, "00", "7fffff"), "Time(-1000000)");
    assert_eq!(cell(19, "02", "7fffffce"), "Time(-500000)");
    assert_eq!(cell(19, "00", "b46efb"), "Time(3020399000000)");
    assert_eq!(
        cell(18, "03", "99bcbca51e04ce"),
        "DateTime { year: 2027, month: 3, day: 30, micros: 37230123000 }"
    );
    assert_eq!(cell(17, "00", "00000000"), "Timestamp { seconds: 0, micros: 0 }");
    assert_eq!(
        cell(17, "06", "5e0be10001e240"),
        "Timestamp { seconds: 1577836800, micros: 123456 }"
    );
}

#[test]
fn gtids_of_mariadb() {
    let mut set = GtidSet::parse("1-2-30,0-1-5", true).unwrap();
    set.add("0-3-6").unwrap();
    assert_eq!(set.to_string(), "0-3-6,1-2-30");
    assert!(GtidSet::parse("0-1-5", true).unwrap().is_within(&set));
    assert!(!GtidSet::parse("0-1-7", true).unwrap().is_within(&set));
    assert!(!GtidSet::parse("2-1-1", true).unwrap().is_within(&set));
    assert_eq!(GtidSet::parse("0-x-1", true).unwrap_err(), "0-x-1");
}

#[test]
fn gtids_of_mysql() {
    let a = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
    let mut set = GtidSet::parse(&format!("{a}:1-5:7, {a}:tag:1-3"), false).unwrap();
    set.add(&format!("{a}:6")).unwrap();
    assert_eq!(set.to_string(), format!("{a}:1-7,{a}:tag:1-3"));
    let part = GtidSet::parse(&format!("{a}:2-3"), false).unwrap();
    assert!(part.is_within(&set) && !set.is_within(&part));
    let other = GtidSet::parse(&format!("{}:1", a.replace('3', "4")), false).unwrap();
    set.merge(&other);
    assert!(other.is_within(&set));
}

#[test]
fn documents() {
    // {"a":1,"b":[true,null,-2],"c":"x\n","d":1.5}
    let document = hex(
        "00 0400 4200 2000 0100 2100 0100 2200 0100 2300 0100 050100 022400 0c3500 0b3800 61626364 \
         0300 1000 040100 040000 05feff 00 00 00 00 02780a 000000000000f83f",
    );
    let text = json_to_text(&document);
    assert_eq!(text.unwrap(), r#"{"a":1,"b":[true,null,-2],"c":"x\n","d":1.5}"#);
    assert_eq!(json_to_text(&hex("0b 0000000000003040")).unwrap(), "16.0");
    assert_eq!(
        json_to_text(&[&[11][..], &1e20_f64.to_le_bytes()].concat()).unwrap(),
        "100000000000000000000"
    );
    assert_eq!(
        json_to_text(&[&[11][..], &1e-4_f64.to_le_bytes()].concat()).unwrap()[..12].to_owned(),
        "0.0001000000"
    );
    assert_eq!(json_to_text(&hex("0f f6 04 0402 8105")).unwrap(), "1.05");
    assert!(json_to_text(&hex("00 0400")).is_err());
    assert!(json_to_text(&[]).is_err());
}
