//! What Nexmark's queries find out, each from all events at once.

use std::collections::{BTreeMap, BTreeSet};

use gantry_streams::{Window, Windowed};

use super::events::{
    Auction, AuctionDay, Bid, BidOnAuction, Event, HighestBids, HotItems, LocalItem, NewSeller,
    Person, Selected, WithSide,
};

const WINDOW: i64 = 10_000;
const HOP: i64 = 2_000;
const DAY: i64 = 86_400_000;

pub(super) fn people(events: &[Event]) -> impl Iterator<Item = &Person> {
    events.iter().filter_map(|event| match event {
        Event::Person(person) => Some(person),
        _ => None,
    })
}

pub(super) fn auctions(events: &[Event]) -> impl Iterator<Item = &Auction> {
    events.iter().filter_map(|event| match event {
        Event::Auction(auction) => Some(auction),
        _ => None,
    })
}

pub(super) fn bids(events: &[Event]) -> impl Iterator<Item = &Bid> {
    events.iter().filter_map(|event| match event {
        Event::Bid(bid) => Some(bid),
        _ => None,
    })
}

/// The start of the tumbling window of a time.
fn window_of(time: i64, size: i64) -> u64 {
    (time / size * size).try_into().unwrap()
}

pub(super) fn q1(events: &[Event]) -> Vec<Bid> {
    bids(events).map(|bid| Bid { price: bid.price * 908 / 1_000, ..bid.clone() }).collect()
}

pub(super) fn q2(events: &[Event]) -> Vec<Selected> {
    let selected = bids(events).filter(|bid| bid.auction % 123 == 0);
    selected.map(|bid| Selected { auction: bid.auction, price: bid.price }).collect()
}

pub(super) fn q3(events: &[Event]) -> Vec<LocalItem> {
    let mut found = Vec::new();
    for auction in auctions(events).filter(|auction| auction.category == 10) {
        for person in people(events).filter(|person| person.id == auction.seller) {
            if ["OR", "ID", "CA"].contains(&&*person.state) {
                found.push(LocalItem {
                    name: person.name.clone(),
                    city: person.city.clone(),
                    state: person.state.clone(),
                    auction: auction.id,
                });
            }
        }
    }
    found
}

pub(super) fn q5(events: &[Event]) -> BTreeMap<u64, HotItems> {
    let mut counts: BTreeMap<u64, BTreeMap<u64, u64>> = BTreeMap::new();
    for bid in bids(events) {
        let last = bid.date_time_ms / HOP * HOP;
        let starts = (0..WINDOW / HOP).map(|n| last - n * HOP);
        for start in starts.filter(|start| start + WINDOW > bid.date_time_ms) {
            let window = counts.entry(start.try_into().unwrap()).or_default();
            *window.entry(bid.auction).or_default() += 1;
        }
    }
    let hot = counts.into_iter().map(|(start, counts)| {
        let bids = *counts.values().max().unwrap();
        let auctions = counts.into_iter().filter(|(_, count)| *count == bids);
        (start, HotItems { bids, auctions: auctions.map(|(auction, _)| auction).collect() })
    });
    hot.collect()
}

pub(super) fn q7(events: &[Event]) -> BTreeMap<u64, HighestBids> {
    let starts: BTreeSet<u64> = bids(events).map(|b| window_of(b.date_time_ms, WINDOW)).collect();
    let highest = starts.into_iter().map(|start| {
        let inside = || bids(events).filter(|b| window_of(b.date_time_ms, WINDOW) == start);
        let price = inside().map(|bid| bid.price).max().unwrap();
        let mut bids: Vec<Bid> = inside().filter(|bid| bid.price == price).cloned().collect();
        bids.sort();
        (start, HighestBids { bids })
    });
    highest.collect()
}

pub(super) fn q8(events: &[Event]) -> BTreeMap<(u64, u64), NewSeller> {
    let mut found = BTreeMap::new();
    for person in people(events) {
        let window = window_of(person.date_time_ms, WINDOW);
        let sold = auctions(events).any(|auction| {
            auction.seller == person.id && window_of(auction.date_time_ms, WINDOW) == window
        });
        if sold {
            let (name, came_ms) = (person.name.clone(), person.date_time_ms);
            found.insert((person.id, window), NewSeller { name, came_ms });
        }
    }
    found
}

pub(super) fn q11(events: &[Event]) -> BTreeMap<Windowed<u64>, u64> {
    let mut times: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    bids(events).for_each(|bid| times.entry(bid.bidder).or_default().push(bid.date_time_ms));
    let mut found = BTreeMap::new();
    for (key, mut times) in times {
        times.sort_unstable();
        for session in times.chunk_by(|one, next| next - one <= WINDOW) {
            let window = Window { start_ms: session[0], end_ms: *session.last().unwrap() };
            found.insert(Windowed { window, key }, session.len() as u64);
        }
    }
    found
}

/// With the time on the wall when each event came.
pub(super) fn q12(events: &[Event], came: &[i64]) -> BTreeMap<Windowed<u64>, u64> {
    let mut found = BTreeMap::new();
    for (event, came) in events.iter().zip(came) {
        if let Event::Bid(bid) = event {
            let start_ms = came / WINDOW * WINDOW;
            let window = Window { start_ms, end_ms: start_ms + WINDOW };
            *found.entry(Windowed { window, key: bid.bidder }).or_default() += 1;
        }
    }
    found
}

/// With a side input that has a text for some keys.
pub(super) fn q13(events: &[Event], side: &BTreeMap<u64, String>, keys: u64) -> Vec<WithSide> {
    let found = bids(events).filter_map(|bid| {
        Some(WithSide {
            auction: bid.auction,
            bidder: bid.bidder,
            price: bid.price,
            date_time_ms: bid.date_time_ms,
            side: side.get(&(bid.auction % keys))?.clone(),
        })
    });
    found.collect()
}

pub(super) fn q17(events: &[Event]) -> BTreeMap<(u64, u64), AuctionDay> {
    let mut prices: BTreeMap<(u64, u64), Vec<u64>> = BTreeMap::new();
    for bid in bids(events) {
        let day = window_of(bid.date_time_ms, DAY);
        prices.entry((bid.auction, day)).or_default().push(bid.price);
    }
    let days = prices.into_iter().map(|(key, prices)| {
        let count = |low: u64, high: u64| {
            prices.iter().filter(|price| (low..high).contains(*price)).count() as u64
        };
        let (total_bids, sum_price) = (prices.len() as u64, prices.iter().sum::<u64>());
        let day = AuctionDay {
            total_bids,
            rank1_bids: count(0, 10_000),
            rank2_bids: count(10_000, 1_000_000),
            rank3_bids: count(1_000_000, u64::MAX),
            min_price: *prices.iter().min().unwrap(),
            max_price: *prices.iter().max().unwrap(),
            avg_price: sum_price / total_bids,
            sum_price,
        };
        (key, day)
    });
    days.collect()
}

pub(super) fn q18(events: &[Event]) -> BTreeMap<(u64, u64), Bid> {
    let mut all: Vec<&Bid> = bids(events).collect();
    all.sort_by_key(|bid| (bid.date_time_ms, bid.price, &bid.extra));
    // A later one takes the place of an earlier one.
    all.into_iter().map(|bid| ((bid.bidder, bid.auction), bid.clone())).collect()
}

pub(super) fn q20(events: &[Event]) -> Vec<BidOnAuction> {
    let mut found = Vec::new();
    for auction in auctions(events).filter(|auction| auction.category == 10) {
        let mine = bids(events).filter(|bid| bid.auction == auction.id);
        found.extend(mine.map(|bid| BidOnAuction { bid: bid.clone(), auction: auction.clone() }));
    }
    found
}
