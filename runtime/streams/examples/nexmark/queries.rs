//! Nexmark's queries. Each reads the topic of events; what it finds out goes to a topic of results:
//! with a key where a later result takes the place of an earlier one.

use std::sync::Arc;
use std::time::Duration;

use gantry_streams::aggregate::{Aggregate, Fold};
use gantry_streams::{
    Hopping, JoinWindows, Session, Stream, StreamBuilder, Topology, Tumbling, bytes, data_serde,
    text,
};

use super::events::{
    Auction, AuctionDay, Bid, BidOnAuction, HighestBids, HotItems, Kind, LocalItem, NewSeller,
    Person, Selected, WithSide, read,
};
use super::incremental;

/// Where the events are.
pub(crate) const EVENTS: &str = "events";
/// Where the results go.
pub(crate) const RESULTS: &str = "results";
/// The side input of q13, a text for each of so many keys.
pub(crate) const SIDE: &str = "side";
pub(crate) const SIDE_KEYS: u64 = 1_000;

const WINDOW: Duration = Duration::from_secs(10);
const WINDOW_MS: i64 = 10_000;
const HOP: Duration = Duration::from_secs(2);
const DAY_MS: i64 = 86_400_000;

/// What the wall clock shows, milliseconds since the epoch.
pub(crate) type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// What queries are told.
#[derive(Clone)]
pub(crate) struct Options {
    /// So long windows wait for events that come late.
    pub(crate) grace: Duration,
    /// For q12.
    pub(crate) clock: Clock,
}

type Query = fn(&StreamBuilder, &Options);

const QUERIES: [(&str, Query); 13] = [
    ("q0", q0),
    ("q1", q1),
    ("q2", q2),
    ("q3", q3),
    ("q5", q5),
    ("q7", q7),
    ("q8", q8),
    ("q11", q11),
    ("q12", q12),
    ("q13", q13),
    ("q17", q17),
    ("q18", q18),
    ("q20", q20),
];

/// The names of all queries.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    QUERIES.iter().map(|(name, _)| *name)
}

/// The topology of a query; `None` if there is none of that name.
pub(crate) fn topology(name: &str, options: &Options) -> Option<Topology> {
    let (_, query) = QUERIES.iter().find(|(known, _)| *known == name)?;
    let builder = StreamBuilder::new(&format!("nexmark-{name}"));
    query(&builder, options);
    Some(builder.build())
}

/// The events of one kind.
fn events<T: Kind>(builder: &StreamBuilder) -> Stream<(), T> {
    builder.read(EVENTS, |record| {
        let found = read(record.value.as_deref().unwrap_or_default())?;
        Ok(found.map(|event| ((), event)))
    })
}

fn bids(builder: &StreamBuilder) -> Stream<(), Bid> {
    events(builder)
}

/// Milliseconds since the epoch, as keys have them.
fn start_of(start_ms: i64) -> u64 {
    start_ms.max(0).unsigned_abs()
}

/// Pass-through: all events as they are.
fn q0(builder: &StreamBuilder, _: &Options) {
    builder.source(EVENTS, bytes()).sink(RESULTS, bytes());
}

/// Currency: prices of bids in euros.
fn q1(builder: &StreamBuilder, _: &Options) {
    bids(builder)
        .map_values(|(), bid| Bid { price: bid.price * 908 / 1_000, ..bid })
        .sink(RESULTS, data_serde());
}

/// Selection: bids for some auctions.
fn q2(builder: &StreamBuilder, _: &Options) {
    bids(builder)
        .filter(|(), bid| bid.auction % 123 == 0)
        .map_values(|(), bid| Selected { auction: bid.auction, price: bid.price })
        .sink(RESULTS, data_serde());
}

/// Local item suggestion: who sells something of one category in three states.
fn q3(builder: &StreamBuilder, _: &Options) {
    let people = events::<Person>(builder).key_by(|(), person| person.id);
    let auctions = events::<Auction>(builder)
        .filter(|(), auction| auction.category == 10)
        .map(|(), auction| (auction.seller, auction.id));
    let suggest = |person: &Person, auction: u64| {
        let Person { name, city, state, .. } = person;
        let near = ["OR", "ID", "CA"].contains(&&**state);
        let (name, city, state) = (name.clone(), city.clone(), state.clone());
        near.then_some(LocalItem { name, city, state, auction })
    };
    incremental::join(&people, &auctions, suggest).sink(RESULTS, data_serde());
}

/// Hot items: every two seconds, the auctions with the most bids of ten seconds.
fn q5(builder: &StreamBuilder, options: &Options) {
    bids(builder)
        .map(|(), bid| (bid.auction, ()))
        .group_by_key()
        .window(Hopping::of(WINDOW, HOP))
        .grace(options.grace)
        .count()
        .to_stream()
        .map(|place, bids| {
            (start_of(place.window.start_ms), HotItems { bids, auctions: vec![place.key] })
        })
        .group_by_key()
        .reduce(hotter)
        .sink(RESULTS, data_serde(), data_serde());
}

/// Counts only go up, so that whatever an auction had before loses against what it has.
fn hotter(kept: &HotItems, found: &HotItems) -> HotItems {
    if kept.bids == found.bids {
        let mut auctions = [&kept.auctions[..], &found.auctions].concat();
        auctions.sort_unstable();
        auctions.dedup();
        return HotItems { bids: kept.bids, auctions };
    }
    let hot = if kept.bids > found.bids { kept } else { found };
    hot.clone()
}

/// Highest bid: of each ten seconds, the bids with the highest price.
fn q7(builder: &StreamBuilder, options: &Options) {
    let none = || HighestBids { bids: Vec::new() };
    let take = |highest: &mut HighestBids, bid: &Bid| {
        let price = highest.bids.first().map_or(0, |kept| kept.price);
        if bid.price > price {
            highest.bids.clear();
        }
        if bid.price >= price {
            highest.bids.push(bid.clone());
            highest.bids.sort_unstable();
        }
    };
    bids(builder)
        .group_by(|(), _| ())
        .window(Tumbling::of(WINDOW))
        .grace(options.grace)
        .aggregate(Fold(none, take, move |highest: &mut HighestBids, other: &HighestBids| {
            other.bids.iter().for_each(|bid| take(highest, bid));
        }))
        .to_stream()
        .map(|place, highest| (start_of(place.window.start_ms), highest))
        .keyed_sink(RESULTS, data_serde(), data_serde());
}

/// Monitor new users: who came and sold something in the same ten seconds.
fn q8(builder: &StreamBuilder, options: &Options) {
    let window_of = |time_ms: i64| start_of(time_ms - time_ms.rem_euclid(WINDOW_MS));
    let people = events::<Person>(builder).map(move |(), person| {
        let Person { id, name, date_time_ms: came_ms, .. } = person;
        ((id, window_of(came_ms)), NewSeller { name, came_ms })
    });
    let sales = events::<Auction>(builder)
        .map(move |(), auction| ((auction.seller, window_of(auction.date_time_ms)), ()));
    let windows = JoinWindows::of(WINDOW).grace(options.grace);
    people.join(&sales, |_, seller, ()| seller.clone(), windows).keyed_sink(
        RESULTS,
        data_serde(),
        data_serde(),
    );
}

/// User sessions: how many bids of each bidder follow each other without a pause of more than ten
/// seconds.
fn q11(builder: &StreamBuilder, options: &Options) {
    bids(builder)
        .map(|(), bid| (bid.bidder, ()))
        .group_by_key()
        .window(Session::of(WINDOW))
        .grace(options.grace)
        .count()
        .sink(RESULTS, data_serde(), data_serde());
}

/// Processing-time windows: how many bids of each bidder come in ten seconds of the wall clock.
fn q12(builder: &StreamBuilder, options: &Options) {
    let clock = Arc::clone(&options.clock);
    bids(builder)
        .map(|(), bid| (bid.bidder, ()))
        .repartition()
        .select_timestamp(move |_, ()| clock())
        .group_by_key()
        .window(Tumbling::of(WINDOW))
        .count()
        .sink(RESULTS, data_serde(), data_serde());
}

/// Bounded side input: bids with what a table has of their auctions.
fn q13(builder: &StreamBuilder, _: &Options) {
    let side = builder.global_table(SIDE, data_serde::<u64>(), text());
    bids(builder)
        .join_global(
            &side,
            |(), bid| bid.auction % SIDE_KEYS,
            |(), bid, side| {
                let Bid { auction, bidder, price, date_time_ms, .. } = *bid;
                WithSide { auction, bidder, price, date_time_ms, side: side.clone() }
            },
        )
        .sink(RESULTS, data_serde());
}

/// What q17 tells of prices.
struct Prices;

impl Aggregate<u64> for Prices {
    type State = AuctionDay;
    type Output = AuctionDay;

    fn begin(&self) -> AuctionDay {
        AuctionDay {
            total_bids: 0,
            rank1_bids: 0,
            rank2_bids: 0,
            rank3_bids: 0,
            min_price: u64::MAX,
            max_price: 0,
            avg_price: 0,
            sum_price: 0,
        }
    }

    fn add(&self, day: &mut AuctionDay, price: &u64) {
        day.total_bids += 1;
        match *price {
            0..10_000 => day.rank1_bids += 1,
            10_000..1_000_000 => day.rank2_bids += 1,
            _ => day.rank3_bids += 1,
        }
        day.min_price = day.min_price.min(*price);
        day.max_price = day.max_price.max(*price);
        day.sum_price += price;
    }

    fn merge(&self, day: &mut AuctionDay, other: &AuctionDay) {
        day.total_bids += other.total_bids;
        day.rank1_bids += other.rank1_bids;
        day.rank2_bids += other.rank2_bids;
        day.rank3_bids += other.rank3_bids;
        day.min_price = day.min_price.min(other.min_price);
        day.max_price = day.max_price.max(other.max_price);
        day.sum_price += other.sum_price;
    }

    fn result(&self, day: &AuctionDay) -> Option<AuctionDay> {
        let avg_price = day.sum_price.checked_div(day.total_bids)?;
        Some(AuctionDay { avg_price, ..day.clone() })
    }
}

/// Auction statistics: of each auction and day, how many bids there were and what they came to.
fn q17(builder: &StreamBuilder, _: &Options) {
    bids(builder)
        .map(|(), bid| {
            let day = start_of(bid.date_time_ms - bid.date_time_ms.rem_euclid(DAY_MS));
            ((bid.auction, day), bid.price)
        })
        .group_by_key()
        .aggregate(Prices)
        .sink(RESULTS, data_serde(), data_serde());
}

/// Last bid: of each bidder for each auction. Of bids of one time it is the greater one, so that it
/// does not matter which came first.
fn q18(builder: &StreamBuilder, _: &Options) {
    let order = |bid: &Bid| (bid.date_time_ms, bid.price);
    bids(builder)
        .group_by(|(), bid| (bid.bidder, bid.auction))
        .reduce(move |kept, bid| {
            let last =
                if (order(bid), &bid.extra) > (order(kept), &kept.extra) { bid } else { kept };
            last.clone()
        })
        .sink(RESULTS, data_serde(), data_serde());
}

/// Expanded bids: those for auctions of one category, with the auction.
fn q20(builder: &StreamBuilder, _: &Options) {
    let auctions = events::<Auction>(builder).key_by(|(), auction| auction.id);
    let bids = bids(builder).key_by(|(), bid| bid.auction);
    let expand = |auction: &Auction, bid: Bid| {
        (auction.category == 10).then(|| BidOnAuction { bid, auction: auction.clone() })
    };
    incremental::join(&auctions, &bids, expand).sink(RESULTS, data_serde());
}
