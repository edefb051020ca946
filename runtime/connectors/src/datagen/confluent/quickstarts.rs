//! The schemas that come with the connector.

use std::sync::Arc;

use serde_json::Value as Json;

use super::avro::{self, Avro};
use super::lists;

/// What the name of a shared list begins with, where a quickstart has it as options.
const LIST: &str = "$";

/// A schema that comes with the connector.
#[derive(Debug)]
pub(super) struct Quickstart {
    pub(super) name: &'static str,
    /// The name of the file in Confluent's archive.
    file: &'static str,
    /// The field that is the key.
    pub(super) key: &'static str,
    text: &'static str,
}

macro_rules! quickstarts {
    ($($name:literal, $file:literal, $key:literal;)*) => {
        /// All, in Confluent's order.
        pub(super) const QUICKSTARTS: &[Quickstart] = &[$(Quickstart {
            name: $name,
            file: $file,
            key: $key,
            text: include_str!(concat!("../quickstarts/", $name, ".avro")),
        }),*];
    };
}

quickstarts! {
    "clickstream_codes", "clickstream_codes_schema.avro", "code";
    "clickstream", "clickstream_schema.avro", "ip";
    "clickstream_users", "clickstream_users_schema.avro", "user_id";
    "orders", "orders_schema.avro", "orderid";
    "ratings", "ratings_schema.avro", "rating_id";
    "users", "users_schema.avro", "userid";
    "users_", "users_array_map_schema.avro", "userid";
    "pageviews", "pageviews_schema.avro", "viewtime";
    "stock_trades", "stock_trades_schema.avro", "symbol";
    "inventory", "inventory.avro", "id";
    "product", "product.avro", "id";
    "purchases", "purchase.avro", "id";
    "transactions", "transactions.avro", "transaction_id";
    "stores", "stores.avro", "store_id";
    "credit_cards", "credit_cards.avro", "card_id";
    "campaign_finance", "campaign_finance.avro", "candidate_id";
    "fleet_mgmt_description", "fleet_mgmt_description.avro", "vehicle_id";
    "fleet_mgmt_location", "fleet_mgmt_location.avro", "vehicle_id";
    "fleet_mgmt_sensors", "fleet_mgmt_sensors.avro", "vehicle_id";
    "pizza_orders", "pizza_orders.avro", "store_id";
    "pizza_orders_completed", "pizza_orders_completed.avro", "store_id";
    "pizza_orders_cancelled", "pizza_orders_cancelled.avro", "store_id";
    "insurance_offers", "insurance_offers.avro", "offer_id";
    "insurance_customers", "insurance_customers.avro", "customer_id";
    "insurance_customer_activity", "insurance_customer_activity.avro", "activity_id";
    "gaming_games", "gaming_games.avro", "id";
    "gaming_players", "gaming_players.avro", "player_id";
    "gaming_player_activity", "gaming_player_activity.avro", "player_id";
    "payroll_employee", "payroll_employee.avro", "employee_id";
    "payroll_employee_location", "payroll_employee_location.avro", "employee_id";
    "payroll_bonus", "payroll_bonus.avro", "employee_id";
    "syslog_logs", "syslog_logs.avro", "host";
    "device_information", "device_information.avro", "device_ip";
    "siem_logs", "siem_logs.avro", "hostname";
    "shoes", "shoes.avro", "id";
    "shoe_customers", "shoe_customers.avro", "id";
    "shoe_orders", "shoe_orders.avro", "order_id";
    "shoe_clickstream", "shoe_clickstream.avro", "product_id";
}

impl Quickstart {
    /// The one of that name, in whatever case.
    pub(super) fn by_name(name: &str) -> Option<&'static Self> {
        QUICKSTARTS.iter().find(|quickstart| quickstart.name.eq_ignore_ascii_case(name))
    }

    /// The one whose file has that name.
    pub(super) fn by_file(file: &str) -> Option<&'static Self> {
        QUICKSTARTS.iter().find(|quickstart| quickstart.file == file)
    }

    /// Its schema, with the shared lists in their places.
    pub(super) fn schema(&self) -> Result<Arc<Avro>, String> {
        let mut json = avro::json(self.text)?;
        fill(&mut json);
        avro::parse_json(&json)
    }
}

fn fill(json: &mut Json) {
    if let Some(list) = json.as_str().and_then(|text| text.strip_prefix(LIST)).and_then(lists::list)
    {
        *json = list;
        return;
    }
    match json {
        Json::Array(all) => all.iter_mut().for_each(fill),
        Json::Object(all) => all.values_mut().for_each(fill),
        _ => {}
    }
}
