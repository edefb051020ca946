//! Each quickstart.

use std::collections::{BTreeMap, BTreeSet};

use gantry_api::{Schema, Value};

use super::super::lists;
use super::super::quickstarts::{QUICKSTARTS, Quickstart};
use super::{fields, records};

const COUNT: usize = 300;

async fn column(quickstart: &str, field: &str) -> Vec<Value> {
    let all = records(&[("quickstart", quickstart)], COUNT).await.unwrap();
    all.iter().map(|record| fields(record).get(field).unwrap().clone()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[tokio::test]
async fn all_make_records_of_their_schemas() {
    assert_eq!(QUICKSTARTS.len(), 38);
    let mut names = BTreeMap::new();
    for quickstart in QUICKSTARTS {
        let name = quickstart.name;
        let all = records(&[("quickstart", &name.to_uppercase())], COUNT).await.unwrap();
        for record in &all {
            let record = &record.record;
            let schema = record.value.schema.as_ref().unwrap();
            schema.validate(&record.value.value).unwrap();
            let key = schema.field(quickstart.key).unwrap();
            assert_eq!(record.key.schema.as_ref(), Some(&key.schema), "{name}");
            let Value::Struct(fields) = &record.value.value else { panic!() };
            assert_eq!(&record.key.value, fields.get_at(key), "{name}");
        }
        let schema = all[0].record.value.schema.clone().unwrap();
        names.insert(name, schema.name().unwrap().to_string());
    }
    for (name, expected) in [
        ("users", "ksql.users"),
        ("users_", "ksql.users"),
        ("stock_trades", "ksql.StockTrade"),
        ("purchases", "datagen.example.purchase"),
        ("credit_cards", "datagen.example.users"),
        ("shoes", "shoes.shoe_product"),
        ("clickstream", "clickstream.events"),
        ("campaign_finance", "datagen.campaign_finance"),
    ] {
        assert_eq!(names[name], expected);
    }
}

#[tokio::test]
async fn well_known_fields() {
    let users = column("users", "userid").await;
    let expected: BTreeSet<String> = (1..=9).map(|n| format!("User_{n}")).collect();
    assert_eq!(users.iter().map(|value| text(value).to_owned()).collect::<BTreeSet<_>>(), expected);
    let times = column("pageviews", "viewtime").await;
    let expected: Vec<Value> = (0..).map(|n| Value::Int64(1 + n * 10)).take(COUNT).collect();
    assert_eq!(times, expected);
    for value in column("pageviews", "pageid").await {
        let number: u32 = text(&value).strip_prefix("Page_").unwrap().parse().unwrap();
        assert!((10..=99).contains(&number));
    }
    for value in column("orders", "itemid").await {
        let number: u32 = text(&value).strip_prefix("Item_").unwrap().parse().unwrap();
        assert!((1..=999).contains(&number));
    }
    let plates = column("fleet_mgmt_description", "license_plate").await;
    assert!(plates.iter().all(|value| text(value).len() == 9));
    let prices = column("purchases", "price_per_unit").await;
    assert!(prices.iter().all(|value| {
        matches!(value, Value::Decimal(price) if price.scale == 2 && price.precision() <= 4)
    }));
    let dates = column("pizza_orders", "date").await;
    let day = 24 * 60 * 60 * 1000;
    assert!(dates.iter().all(|value| {
        matches!(value, Value::Date(ms) if ms % day == 0 && (18_000..19_000).contains(&(ms / day)))
    }));
    let urls = column("shoe_clickstream", "page_url").await;
    assert!(urls.iter().all(|value| text(value).starts_with("https://www.acme.com/product/")));
    let coordinates = column("gaming_player_activity", "coordinates").await;
    assert!(coordinates.iter().all(|value| text(value).len() == 7 && text(value).starts_with('[')));
}

#[tokio::test]
async fn addresses_are_records_in_the_namespace_around_them() {
    let all = records(&[("quickstart", "orders")], 1).await.unwrap();
    let schema: Schema = all[0].record.value.schema.clone().unwrap();
    assert_eq!(schema.version(), None);
    let address = &schema.field("address").unwrap().schema;
    assert_eq!(address.name().map(|name| &**name), Some("ksql.address"));
    assert!(!address.is_optional());
}

#[test]
fn lists_have_their_sizes_and_no_doubles() {
    for (name, size, key) in [
        ("names", 100, ""),
        ("ips", 100, ""),
        ("insurance_ips", 50, ""),
        ("macs", 50, ""),
        ("players", 100, "ip"),
        ("employees", 100, "employee_id"),
        ("insured", 150, "customer_id"),
        ("insured_ids", 150, ""),
        ("shoes", 643, "id"),
        ("shoe_ids", 643, ""),
        ("shoe_customers", 301, "id"),
        ("shoe_customer_ids", 301, ""),
    ] {
        let list = lists::list(name).unwrap();
        let list = list.as_array().unwrap();
        let keys: BTreeSet<String> = list
            .iter()
            .map(|item| if key.is_empty() { item.to_string() } else { item[key].to_string() })
            .collect();
        assert_eq!((list.len(), keys.len()), (size, size), "{name}");
    }
    let ids = |list: &str| -> Vec<serde_json::Value> {
        lists::list(list).unwrap().as_array().unwrap().clone()
    };
    for (of, key, list) in [
        ("shoes", "id", "shoe_ids"),
        ("shoe_customers", "id", "shoe_customer_ids"),
        ("insured", "customer_id", "insured_ids"),
        ("players", "player_name", "names"),
    ] {
        let keys: Vec<serde_json::Value> = ids(of).iter().map(|item| item[key].clone()).collect();
        assert_eq!(keys, ids(list), "{of}");
    }
    assert_eq!((ids("click_ips").len(), ids("pizzas").len()), (40, 100));
    let id = ids("shoe_ids")[0].as_str().unwrap().to_owned();
    let parts: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{id}");
    assert!(lists::list("none").is_none());
}

#[test]
fn quickstarts_are_found_by_name_and_file() {
    assert_eq!(Quickstart::by_name("Users_").unwrap().name, "users_");
    assert_eq!(Quickstart::by_file("purchase.avro").unwrap().name, "purchases");
    assert_eq!(Quickstart::by_file("users_schema.avro").unwrap().name, "users");
    assert!(Quickstart::by_file("users.avro").is_none());
    assert!(Quickstart::by_name("").is_none());
}
