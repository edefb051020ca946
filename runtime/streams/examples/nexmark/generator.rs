//! Nexmark's events, each made from its number alone: of 50 the first is a person, three are
//! auctions, the others bids. Identifiers go up with the numbers; many events are about a few hot
//! auctions, sellers and bidders, and some are about others that come only shortly afterwards.

use super::events::{Auction, Bid, Event, Person};

/// Makes events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Generator {
    pub(crate) seed: u64,
    /// Events of one second of event time.
    pub(crate) per_second: u64,
}

/// The time of the first event.
pub(crate) const BEGIN_MS: i64 = 1_700_000_000_000;

const EVENTS_IN_EPOCH: u64 = 50;
const AUCTIONS_IN_EPOCH: u64 = 3;
const FIRST_PERSON: u64 = 1_000;
const FIRST_AUCTION: u64 = 1_000;
const FIRST_CATEGORY: u64 = 10;
const CATEGORIES: u64 = 5;
/// People who do something, and auctions that are open.
const ACTIVE_PEOPLE: u64 = 1_000;
const OPEN_AUCTIONS: u64 = 100;
/// So many that are not there yet may be meant already.
const LEAD: u64 = 10;
/// Each hundredth is a hot one for a while: of four events of sellers and bidders three are about
/// it, of two bids one.
const HOT_EVERY: u64 = 100;
const HOT_PEOPLE: u64 = 4;
const HOT_AUCTIONS: u64 = 2;
/// Bytes of an event, about.
const PERSON_BYTES: usize = 200;
const AUCTION_BYTES: usize = 500;
const BID_BYTES: usize = 100;

const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: [&str; 10] = [
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const FIRST_NAMES: [&str; 11] = [
    "Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter",
];
const LAST_NAMES: [&str; 9] =
    ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];

impl Generator {
    /// The event of a number.
    pub(crate) fn event(&self, number: u64) -> Event {
        const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;
        let seed = self.seed.wrapping_add(number.wrapping_mul(SPREAD));
        let mut random = fastrand::Rng::with_seed(seed);
        let since_ms = i64::try_from(number * 1_000 / self.per_second.max(1)).unwrap_or(i64::MAX);
        let time_ms = BEGIN_MS.saturating_add(since_ms);
        let (epoch, offset) = (number / EVENTS_IN_EPOCH, number % EVENTS_IN_EPOCH);
        let auction = epoch * AUCTIONS_IN_EPOCH + offset.clamp(1, AUCTIONS_IN_EPOCH) - 1;
        match offset {
            0 => Event::Person(person(epoch, time_ms, &mut random)),
            1..=AUCTIONS_IN_EPOCH => {
                Event::Auction(self.auction(auction, epoch, time_ms, &mut random))
            }
            _ => Event::Bid(bid(auction, epoch, time_ms, &mut random)),
        }
    }

    fn auction(&self, id: u64, epoch: u64, time_ms: i64, random: &mut fastrand::Rng) -> Auction {
        let hot = random.u64(0..HOT_PEOPLE) > 0;
        let seller = if hot { epoch / HOT_EVERY * HOT_EVERY } else { a_person(epoch, random) };
        let initial_bid = price(random);
        // It is open for about as long as the auctions take that are open.
        let open_events = OPEN_AUCTIONS * EVENTS_IN_EPOCH / AUCTIONS_IN_EPOCH;
        let open_ms = random.u64(1..=2_000) * open_events / self.per_second.max(1);
        let (item_name, description) = (letters(20, random), letters(100, random));
        Auction {
            id: FIRST_AUCTION + id,
            item_name,
            description,
            initial_bid,
            reserve: initial_bid + price(random),
            date_time_ms: time_ms,
            expires_ms: time_ms.saturating_add(i64::try_from(open_ms).unwrap_or(i64::MAX)),
            seller: FIRST_PERSON + seller,
            category: FIRST_CATEGORY + random.u64(0..CATEGORIES),
            extra: letters(AUCTION_BYTES - 190, random),
        }
    }
}

fn person(id: u64, date_time_ms: i64, random: &mut fastrand::Rng) -> Person {
    let (first, last) = (one_of(&FIRST_NAMES, random), one_of(&LAST_NAMES, random));
    let number = |random: &mut fastrand::Rng| random.u64(1_000..10_000).to_string();
    let card: Vec<String> = (0..4).map(|_| number(random)).collect();
    Person {
        id: FIRST_PERSON + id,
        name: format!("{first} {last}"),
        email: format!("{}@{}.com", letters(7, random), letters(5, random)),
        credit_card: card.join(" "),
        city: one_of(&CITIES, random).to_owned(),
        state: one_of(&STATES, random).to_owned(),
        date_time_ms,
        extra: letters(PERSON_BYTES - 110, random),
    }
}

fn bid(last: u64, epoch: u64, date_time_ms: i64, random: &mut fastrand::Rng) -> Bid {
    let hot = random.u64(0..HOT_AUCTIONS) > 0;
    let auction = if hot {
        last / HOT_EVERY * HOT_EVERY
    } else {
        random.u64(last.saturating_sub(OPEN_AUCTIONS)..=last + LEAD)
    };
    // Not the one who sells most.
    let hot = random.u64(0..HOT_PEOPLE) > 0;
    let bidder = if hot { epoch / HOT_EVERY * HOT_EVERY + 1 } else { a_person(epoch, random) };
    Bid {
        auction: FIRST_AUCTION + auction,
        bidder: FIRST_PERSON + bidder,
        price: price(random),
        date_time_ms,
        extra: letters(BID_BYTES - 36, random),
    }
}

/// One of those who came last, or who come soon.
fn a_person(last: u64, random: &mut fastrand::Rng) -> u64 {
    random.u64((last + 1).saturating_sub(ACTIVE_PEOPLE)..=last + LEAD)
}

/// In cents, from one to a million dollars: most are low.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 100 and 100,000,000"
)]
fn price(random: &mut fastrand::Rng) -> u64 {
    (10_f64.powf(random.f64() * 6.0) * 100.0).round() as u64
}

fn one_of<'a>(all: &[&'a str], random: &mut fastrand::Rng) -> &'a str {
    all[random.usize(0..all.len())]
}

/// About so many letters, a fifth more or less.
fn letters(about: usize, random: &mut fastrand::Rng) -> String {
    let spread = about / 5;
    let length = random.usize(about - spread..=about + spread);
    std::iter::repeat_with(|| random.lowercase()).take(length).collect()
}
