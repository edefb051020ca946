//! The long lists of the quickstarts: people, addresses and things. They are made up by fixed
//! seeds, so they are the same everywhere; what stands in several quickstarts can be joined.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::random::Random;

const NAMES: usize = 100;
const SHOES: usize = 643;
const SHOE_CUSTOMERS: usize = 301;
const INSURED: usize = 150;
const EMPLOYEES: usize = 100;
const PIZZAS: usize = 100;

const FIRST_NAMES: [&str; 25] = [
    "Ada", "Bruno", "Carla", "Dario", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Luca", "Mina", "Nils", "Olga", "Pavel", "Quirin", "Rosa", "Sami", "Tessa", "Ugo", "Vera",
    "Wanda", "Yara", "Zeno",
];
const LAST_NAMES: [&str; 20] = [
    "Abbot", "Berger", "Castro", "Dubois", "Eklund", "Fischer", "Garcia", "Hansen", "Ivanov",
    "Jensen", "Kowalski", "Lindgren", "Moreau", "Novak", "Okafor", "Petrov", "Rossi", "Silva",
    "Tanaka", "Weber",
];
const STATES: [&str; 44] = [
    "Alabama",
    "Alaska",
    "Arizona",
    "Arkansas",
    "California",
    "Colorado",
    "Connecticut",
    "Delaware",
    "Florida",
    "Georgia",
    "Hawaii",
    "Idaho",
    "Illinois",
    "Indiana",
    "Iowa",
    "Kansas",
    "Kentucky",
    "Louisiana",
    "Maine",
    "Maryland",
    "Massachusetts",
    "Michigan",
    "Minnesota",
    "Mississippi",
    "Missouri",
    "Montana",
    "Nebraska",
    "Nevada",
    "New Jersey",
    "New Mexico",
    "New York",
    "North Carolina",
    "North Dakota",
    "Ohio",
    "Oklahoma",
    "Oregon",
    "Pennsylvania",
    "South Carolina",
    "Tennessee",
    "Texas",
    "Utah",
    "Virginia",
    "Washington",
    "Wisconsin",
];
const STREETS: [&str; 10] = [
    "Acorn Way",
    "Birch Lane",
    "Canal Street",
    "Dover Court",
    "Elm Avenue",
    "Forest Drive",
    "Garden Place",
    "Hill Road",
    "Iris Circle",
    "Juniper Trail",
];
const BRANDS: [&str; 20] = [
    "Alder & Sons",
    "Bluebird Inc",
    "Cobalt Group",
    "Driftwood Ltd",
    "Evergreen LLC",
    "Falcon Co",
    "Granite Works",
    "Harbor Inc",
    "Ivory Ltd",
    "Jasper Group",
    "Kestrel LLC",
    "Lantern Co",
    "Meridian Inc",
    "Northwind Ltd",
    "Orchard Group",
    "Pinnacle LLC",
    "Quartz Co",
    "Ridge Works",
    "Summit Inc",
    "Tidewater Ltd",
];
const SHOE_WORDS: [&str; 7] =
    ["Impreza", "Sidekick", "Max", "Spectra5", "Perf", "TrailRunner", "Pro"];
const PIZZA_CATEGORIES: [&str; 5] = ["calzone", "salad", "dessert", "wings", "pizza"];
const CLICK_BLOCKS: [u8; 4] = [111, 222, 122, 233];

/// The list of that name, as options.
pub(super) fn list(name: &str) -> Option<Json> {
    Some(Json::Array(match name {
        "names" => (0..NAMES).map(|at| Json::from(full_name(at))).collect(),
        "ips" => texts(ips(1, NAMES)),
        "insurance_ips" => texts(ips(2, 50)),
        "click_ips" => click_ips(),
        "macs" => macs(),
        "players" => players(),
        "employees" => employees(),
        "insured" => insured(),
        "insured_ids" => insured_ids().into_iter().map(Json::from).collect(),
        "pizzas" => pizzas(),
        "shoes" => shoes(),
        "shoe_ids" => texts(ids(3, SHOES)),
        "shoe_customers" => shoe_customers(),
        "shoe_customer_ids" => texts(ids(4, SHOE_CUSTOMERS)),
        _ => return None,
    }))
}

fn texts(list: Vec<String>) -> Vec<Json> {
    list.into_iter().map(Json::from).collect()
}

fn first_name(at: usize) -> &'static str {
    FIRST_NAMES.get(at % FIRST_NAMES.len()).copied().unwrap_or_default()
}

fn last_name(at: usize) -> &'static str {
    LAST_NAMES.get(at % LAST_NAMES.len()).copied().unwrap_or_default()
}

/// The first hundred are different: 100 is the least that both lengths divide.
fn full_name(at: usize) -> String {
    format!("{} {}", first_name(at), last_name(at))
}

/// From `first` to `last`, both included.
fn between(random: &mut Random, first: i32, last: i32) -> i32 {
    first + random.below(last - first + 1)
}

fn pick<'a>(random: &mut Random, list: &[&'a str]) -> &'a str {
    list.get(random.place(list.len())).copied().unwrap_or_default()
}

/// Addresses that are all different.
fn ips(seed: i64, count: usize) -> Vec<String> {
    let mut random = Random::new(seed);
    let mut known = BTreeSet::new();
    let mut list = Vec::with_capacity(count);
    while list.len() < count {
        let mut part = || between(&mut random, 1, 223);
        let ip = format!("{}.{}.{}.{}", part(), part(), part(), part());
        if known.insert(ip.clone()) {
            list.push(ip);
        }
    }
    list
}

fn click_ips() -> Vec<Json> {
    let mut random = Random::new(5);
    let blocks = CLICK_BLOCKS.iter().flat_map(|block| [block; 10]);
    let ip = |block: &u8| {
        let mut part = || between(&mut random, 0, 255);
        Json::from(format!("{block}.{}.{}.{}", part(), part(), part()))
    };
    blocks.map(ip).collect()
}

fn macs() -> Vec<Json> {
    let mut random = Random::new(6);
    let mac = |_| {
        let parts: Vec<String> =
            random.bytes(6).into_iter().map(|byte| format!("{byte:02X}")).collect();
        Json::from(parts.join("-"))
    };
    (0..50).map(mac).collect()
}

/// Random UUIDs.
fn ids(seed: i64, count: usize) -> Vec<String> {
    let mut random = Random::new(seed);
    let id = |_| {
        let low = random.long() as u64;
        let high = random.long() as u64;
        format!(
            "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
            low >> 32,
            low >> 16 & 0xFFFF,
            low & 0xFFF,
            high >> 62 | 8,
            high >> 48 & 0xFFF,
            high & 0xFFFF_FFFF_FFFF
        )
    };
    (0..count).map(id).collect()
}

fn players() -> Vec<Json> {
    let player = |(at, ip): (usize, String)| json!({"player_id": 1001 + at, "player_name": full_name(at), "ip": ip});
    ips(7, NAMES).into_iter().enumerate().map(player).collect()
}

fn employees() -> Vec<Json> {
    let mut random = Random::new(8);
    let employee = |at: usize| {
        let letters: String = (0..4).map(|_| char::from(b'a' + random.below(26) as u8)).collect();
        json!({
            "employee_id": 1000 + at,
            "first_name": first_name(at),
            "last_name": last_name(at),
            "age": between(&mut random, 30, 49),
            // Numbers that begin with 9 are nobody's.
            "ssn": format!(
                "9{:02}-{:02}-{:04}",
                random.below(100), random.below(100), random.below(10_000)
            ),
            "hourly_rate": between(&mut random, 8, 24),
            "gender": pick(&mut random, &["female", "male"]),
            "email": format!("{letters}@mycompany.com"),
        })
    };
    (0..EMPLOYEES).map(employee).collect()
}

fn insured_ids() -> Vec<i32> {
    let mut random = Random::new(9);
    let mut ids = BTreeSet::new();
    while ids.len() < INSURED {
        ids.insert(between(&mut random, 10, 997));
    }
    ids.into_iter().collect()
}

fn insured() -> Vec<Json> {
    let mut random = Random::new(10);
    let customer = |(at, id): (usize, i32)| {
        let (first, last) = (first_name(at), last_name(at + at / NAMES));
        json!({
            "customer_id": id,
            "first_name": first,
            "last_name": last,
            "email": email(first, last, id),
            "gender": pick(&mut random, &["Male", "Female"]),
            "income": between(&mut random, 50_188, 495_407),
            "fico": between(&mut random, 404, 893),
            "years_active": between(&mut random, 1, 45),
        })
    };
    insured_ids().into_iter().enumerate().map(customer).collect()
}

fn email(first: &str, last: &str, number: i32) -> String {
    format!("{}.{}{number}@example.com", first.to_lowercase(), last.to_lowercase())
}

fn pizzas() -> Vec<Json> {
    let mut random = Random::new(11);
    let line = |_| {
        let quantity = between(&mut random, 1, 5);
        let cents = between(&mut random, 124, 2497);
        json!({
            "product_id": between(&mut random, 4, 98),
            "category": pick(&mut random, &PIZZA_CATEGORIES),
            "quantity": quantity,
            "unit_price": f64::from(cents) / 100.0,
            "net_price": f64::from(cents * quantity) / 100.0,
        })
    };
    (0..PIZZAS).map(line).collect()
}

fn shoes() -> Vec<Json> {
    let mut random = Random::new(12);
    let shoe = |id: String| {
        let words = [pick(&mut random, &SHOE_WORDS), pick(&mut random, &SHOE_WORDS)];
        // Many are not rated yet, and many are rated best.
        let tenths = match random.below(100) {
            0..36 => 0,
            36..55 => 50,
            _ => between(&mut random, 1, 49),
        };
        json!({
            "id": id,
            "brand": pick(&mut random, &BRANDS),
            "name": format!("{} {} {}", words[0], words[1], between(&mut random, 100, 999)),
            "sale_price": between(&mut random, 15, 364) * 100 + 95,
            "rating": f64::from(tenths) / 10.0,
        })
    };
    ids(3, SHOES).into_iter().map(shoe).collect()
}

fn shoe_customers() -> Vec<Json> {
    let mut random = Random::new(13);
    let customer = |(at, id): (usize, String)| {
        let (first, last) = (first_name(at), last_name(at + at / NAMES));
        let number = between(&mut random, 1, 999);
        json!({
            "id": id,
            "first_name": first,
            "last_name": last,
            "email": email(first, last, at as i32),
            "phone": format!(
                "{}-{}-{:04}",
                between(&mut random, 201, 989), between(&mut random, 200, 999), random.below(10_000)
            ),
            "street_address": format!("{number} {}", pick(&mut random, &STREETS)),
            "state": pick(&mut random, &STATES),
            "zip_code": format!("{:05}", between(&mut random, 501, 99_950)),
            "country": "United States",
            "country_code": "US",
        })
    };
    ids(4, SHOE_CUSTOMERS).into_iter().enumerate().map(customer).collect()
}
