//! JSON by field names, against sums that are made from all records.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gantry_log::{EmbeddedLog, FullLog};
use gantry_streams::{DataWindow, Hopping, StreamBuilder, TestDriver, Tumbling};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::on_log::{all, make_topics, open, send, wait_for};
use crate::windows::ms;

/// One of the totals that are asked for of each group and window.
fn totals(window: DataWindow) -> DataWindow {
    window.sum("n", "sum").min("n", "least").max("n", "greatest").avg("x", "mean").count("total")
}

#[derive(Clone, Debug)]
struct Sale {
    city: Option<u8>,
    street: u8,
    /// As a number, as a text, or not at all.
    n: Result<i64, Option<i64>>,
    quarters: i32,
    time: i64,
}

impl Sale {
    fn number(&self) -> Option<i64> {
        self.n.map_or_else(|text| text, Some)
    }

    fn json(&self) -> Value {
        let mut sale = json!({ "street": self.street, "x": f64::from(self.quarters) / 4.0 });
        if let Some(city) = self.city {
            sale["city"] = format!("c{city}").into();
        }
        match self.n {
            Ok(number) => sale["n"] = number.into(),
            Err(Some(number)) => sale["n"] = number.to_string().into(),
            Err(None) => {}
        }
        sale
    }
}

fn sales() -> impl Strategy<Value = Vec<Sale>> {
    let n = prop_oneof![
        any::<i32>().prop_map(|n| Ok(n.into())),
        any::<i32>().prop_map(|n| Err(Some(n.into()))),
        Just(Err(None))
    ];
    let sale = (prop::option::of(0..2_u8), 0..2_u8, n, -9..9_i32, 0..1_500_i64);
    prop::collection::vec(sale, 1..60).prop_map(|all| {
        let mut now = 2_000;
        all.into_iter()
            .map(|(city, street, n, quarters, step)| {
                // Forward on the whole, with records that come late.
                now += step - 400;
                Sale { city, street, n, quarters, time: now.max(0) }
            })
            .collect()
    })
}

/// What was told, with the mean as the sum that it is of: the last digit of a fraction is lost where
/// JSON is read.
fn read(text: &str) -> Value {
    let mut all: Value = serde_json::from_str(text).unwrap();
    let mean = all.as_object_mut().unwrap().remove("mean").unwrap().as_f64().unwrap();
    all["quarters"] = ((mean * all["total"].as_f64().unwrap() * 4.0).round() as i32).into();
    all
}

fn totals_of(group: &[&Sale]) -> Value {
    let numbers: Vec<i64> = group.iter().filter_map(|sale| sale.number()).collect();
    let quarters: i32 = group.iter().map(|sale| sale.quarters).sum();
    json!({
        "city": group[0].city.map(|city| format!("c{city}")),
        "street": group[0].street,
        "sum": numbers.iter().sum::<i64>(),
        "least": numbers.iter().min(),
        "greatest": numbers.iter().max(),
        "quarters": quarters,
        "total": group.len(),
    })
}

/// The windows that are closed after the last record, by their groups and the seconds of their start.
fn wanted(size: i64, advance: i64, late: i64, sales: &[Sale]) -> BTreeMap<String, Value> {
    let mut groups: BTreeMap<(i64, Option<u8>, u8), Vec<&Sale>> = BTreeMap::new();
    let (mut now, last) = (i64::MIN, sales.iter().map(|sale| sale.time).max().unwrap_or(0));
    for sale in sales {
        now = now.max(sale.time);
        for start in (0..=sale.time).step_by(usize::try_from(advance).unwrap()) {
            if sale.time < start + size && start + size + late > now && start + size + late <= last
            {
                groups.entry((start, sale.city, sale.street)).or_default().push(sale);
            }
        }
    }
    let mut wanted = BTreeMap::new();
    for ((start, ..), group) in groups {
        let mut all = totals_of(&group);
        for (name, time) in [("start_time", start), ("end_time", start + size)] {
            // All tests are within the first minutes of the epoch.
            let (minutes, seconds) = (time / 60_000, time / 1_000 % 60);
            all[name] = format!("1970-01-01 00:{minutes:02}:{seconds:02}").into();
        }
        wanted.insert(place(&all), all);
    }
    wanted
}

fn place(all: &Value) -> String {
    format!("{} {} {}", all["start_time"], all["city"], all["street"])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn totals_of_windows_are_those_of_all_records(
        sales in sales(),
        size in 1..10_i64,
        advance in 1..10_i64,
        late in 0..5_u64,
        restart in 0..60_usize,
    ) {
        let advance = advance.min(size);
        let windows = Hopping::of(ms(size * 1_000), ms(advance * 1_000));
        let source = StreamBuilder::data_stream("shop", "sales").from_topic("sales", false);
        let window = source
            .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap())
            .window(windows)
            .group_by(("city", "street"));
        let stream = totals(window).water_mark(late).to_data_stream().to_topic("totals");
        let mut driver = TestDriver::new(stream.topology()).unwrap();
        for (at, sale) in sales.iter().enumerate() {
            if at == restart {
                driver.restart().unwrap();
            }
            driver.send("sales", None, &sale.json().to_string(), sale.time).unwrap();
        }
        let mut told = BTreeMap::new();
        for text in driver.texts("totals") {
            let all = read(&text);
            prop_assert_eq!(told.insert(place(&all), all), None, "{} was told twice", text);
        }
        let late = i64::try_from(late).unwrap() * 1_000;
        prop_assert_eq!(told, wanted(size * 1_000, advance * 1_000, late, &sales));
    }

    #[test]
    fn totals_over_all_time_are_told_at_each_change(sales in sales()) {
        let source = StreamBuilder::data_stream("shop", "sales").from_topic("sales", true);
        let stream = totals(source.group_by(["city", "street"])).to_data_stream().to_topic("totals");
        let mut driver = TestDriver::new(stream.topology()).unwrap();
        for (at, sale) in sales.iter().enumerate() {
            driver.send("sales", None, &sale.json().to_string(), sale.time).unwrap();
            let same = |other: &&Sale| (other.city, other.street) == (sale.city, sale.street);
            let group: Vec<&Sale> = sales[..=at].iter().filter(same).collect();
            let told: Vec<Value> = driver.texts("totals").iter().map(|text| read(text)).collect();
            prop_assert_eq!(told, [totals_of(&group)]);
        }
    }
}

#[test]
fn values_are_filtered_and_made_others_in_order() {
    let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
    let heard = Arc::clone(&seen);
    let stream = StreamBuilder::data_stream("shop", "lines")
        .from_topic("lines", true)
        .filter(|line| line["keep"] == true)
        .flat_map(|line| line["parts"].as_array().cloned().unwrap_or_default())
        .map(|part| json!({ "part": part }))
        .for_each(move |value| heard.lock().unwrap().push(value.clone()));
    let mut driver = TestDriver::new(stream.topology()).unwrap();
    for line in [
        json!({ "keep": true, "parts": [1, "b"] }),
        json!({ "keep": false, "parts": [3] }),
        json!({ "keep": true, "parts": [[]] }),
    ] {
        driver.send("lines", None, &line.to_string(), 0).unwrap();
    }
    assert_eq!(
        *seen.lock().unwrap(),
        [1.into(), "b".into(), json!([])].map(|p: Value| json!({ "part": p }))
    );
    let bad = driver.send("lines", None, "{", 0).unwrap_err().to_string();
    assert!(bad.starts_with("record 3 of lines-0 cannot be read: JSON:"), "{bad}");
}

#[test]
fn a_pipeline_finds_its_log_or_says_what_is_missing() {
    let fault = StreamBuilder::data_stream("shop", "sales")
        .from_rocketmq("sales", "sales-group", false, "localhost:9876")
        .start()
        .unwrap_err()
        .to_string();
    assert_eq!(
        fault,
        "topology of job sales-group: nothing says how RocketMQ at localhost:9876 is reached: give the source a function by open_with, or a log by from_log"
    );
    let fault = StreamBuilder::data_stream("shop", "sales").from_topic("sales", true).start();
    let fault = fault.unwrap_err().to_string();
    assert!(
        fault.starts_with("topology of job shop-sales: from_topic does not name a log"),
        "{fault}"
    );

    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    make_topics(&log);
    let shared: Arc<dyn FullLog> = Arc::<EmbeddedLog>::clone(&log);
    let mut settings = gantry_streams::Settings::new(dir.path().join("state"));
    settings.checkpoint_interval = Duration::from_millis(20);
    settings.idle_time = Some(Duration::from_millis(100));
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&asked);
    let job = StreamBuilder::data_stream("shop", "sales")
        .settings(settings)
        .open_with(move |name_servers, group| {
            told.lock().unwrap().push(format!("{group} at {name_servers}"));
            Ok(Arc::clone(&shared))
        })
        .from_rocketmq("words", "sales-group", false, "localhost:9876")
        .map(|text| serde_json::from_str(text.as_str().unwrap()).unwrap())
        .window(Tumbling::of(Duration::from_millis(1_500)))
        .group_by("city")
        .sum("n", "sum")
        .count("total")
        .set_local_storage_only(true)
        .to_data_stream()
        .to_topic("counts")
        .start()
        .unwrap();
    // All at 1 s; nothing follows, and the wall clock closes the window.
    send(&log, 1, &[r#"{"city":"Bonn","n":2}"#.to_owned(), r#"{"city":"Bonn","n":3}"#.to_owned()]);
    wait_for("the totals", || !all(&log, "counts").is_empty());
    job.stop().unwrap();
    assert_eq!(*asked.lock().unwrap(), ["sales-group at localhost:9876"]);
    let told: Vec<Value> = all(&log, "counts")
        .iter()
        .map(|record| serde_json::from_slice(record.value.as_deref().unwrap()).unwrap())
        .collect();
    assert_eq!(
        told,
        [json!({
            "city": "Bonn", "sum": 5, "total": 2,
            "start_time": "1970-01-01 00:00:00", "end_time": "1970-01-01 00:00:01.500",
        })]
    );
}
