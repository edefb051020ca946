use super::*;
use crate::text::java_string;

#[test]
fn maps_have_no_order_and_no_doubles() {
    for count in [3, 5000] {
        let forth: Vec<_> = (0..count).map(|n| (Value::Int32(n), Value::Int32(-n))).collect();
        let mut back: Vec<_> = forth.iter().rev().cloned().collect();
        assert_eq!(MapValue::from_entries(forth.clone()), MapValue::from_entries(back.clone()));
        back.extend([(Value::Int32(0), Value::Null)]);
        let doubled = MapValue::from_entries(back);
        assert_eq!(doubled.len(), count as usize);
        assert_eq!(doubled.entries().last(), Some(&(Value::Int32(0), Value::Null)));
        assert_ne!(doubled, MapValue::from_entries(forth));
    }
}

fn map(keys: &[&str]) -> MapValue {
    MapValue::from_distinct(keys.iter().map(|key| (Value::str(key), Value::Null)).collect())
}

fn order(map: &MapValue) -> Vec<&str> {
    map.ordered().filter_map(|(key, _)| key.as_str()).collect()
}

const KEYS: [&str; 7] = ["zeta", "alpha", "name", "id", "b", "ts", "offset"];

#[test]
fn hash_maps_are_listed_by_hash() {
    assert_eq!(order(&map(&KEYS)), KEYS);
    let hashed = map(&KEYS).into_hash_map();
    assert_eq!(order(&hashed), ["zeta", "b", "offset", "alpha", "name", "id", "ts"]);
    // A table of 8 instead of 16.
    let small = map(&["zeta", "alpha", "name", "id"]).into_hash_map_for(4);
    assert_eq!(order(&small), ["zeta", "name", "id", "alpha"]);
    assert_eq!(java_string(&Value::map(small)), "{zeta=null, name=null, id=null, alpha=null}");
}

#[test]
fn copies_have_tables_of_their_own() {
    let mut copy = map(&["line"]);
    copy.copy_as_hash_map();
    assert_eq!(copy.table, Table::for_capacity(2).grown(1));
    copy.insert(Value::str("origin"), Value::Null);
    assert_eq!(copy.table, Table::for_capacity(4).grown(2));
    let mut empty = MapValue::default();
    empty.copy_as_hash_map();
    assert_eq!(empty.table, Table::EMPTY);
}

#[test]
fn what_shares_a_bucket_stands_as_in_the_map_that_was_copied() {
    // In a table of 4 all share a bucket, in one of 16 none does.
    let numbers = |list: &[i32]| {
        let entries = list.iter().map(|n| (Value::Int32(*n), Value::Null)).collect();
        MapValue::from_distinct(entries)
    };
    let shown = |map: &MapValue| java_string(&Value::map(map.clone()));
    let mut map = numbers(&[12, 4]).into_hash_map();
    assert_eq!(shown(&map), "{4=null, 12=null}");
    map.copy_as_hash_map();
    assert_eq!(shown(&map), "{4=null, 12=null}");
    // What is put later stands behind them.
    map.insert(Value::Int32(8), Value::Null);
    assert_eq!(shown(&map), "{4=null, 12=null, 8=null}");
    map.remove("none");
    map.copy_as_hash_map();
    assert_eq!(shown(&map), "{8=null, 4=null, 12=null}");
}

#[test]
fn shapes_are_remembered_within_limits() {
    let mut cache = ShapeCache::default();
    let mut made = 0;
    let mut look = |map: &MapValue, keep: bool| {
        cache
            .place(map, keep, |map| {
                made += 1;
                map.len()
            })
            .and_then(|place| cache.get(place).copied())
    };
    let (one, two) = (map(&["a"]), map(&["a", "b"]));
    for _ in 0..10 {
        assert_eq!(look(&one, false), Some(1));
        assert_eq!(look(&two, false), Some(2));
        assert_eq!(look(&two.clone().into_hash_map(), false), Some(2));
    }
    let never: Vec<Option<usize>> =
        (0..1000).map(|n| look(&map(&[&n.to_string()]), true)).collect();
    assert!(never.iter().flatten().count() <= 16);
    assert_eq!(look(&numbers_map(), false), None);
    assert!(made <= 16, "{made}");
}

fn numbers_map() -> MapValue {
    MapValue::from_distinct(vec![(Value::Int8(1), Value::Null)])
}
