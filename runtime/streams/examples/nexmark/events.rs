//! The events of Nexmark's auction site and the results of its queries, as they are written: fields
//! one after the other, a number in 8 bytes, what has a length with that in front in 4.

use gantry_streams::{Data, DataError};

/// A field of a record.
pub(crate) trait Field: Sized {
    fn put(&self, to: &mut Vec<u8>);
    fn take(from: &mut &[u8]) -> Result<Self, DataError>;
}

/// The next bytes.
fn cut<'a>(from: &mut &'a [u8], length: usize) -> Result<&'a [u8], DataError> {
    let parts = from.split_at_checked(length);
    let (found, rest) = parts.ok_or_else(|| DataError::new("it ends too early"))?;
    *from = rest;
    Ok(found)
}

fn put_length(length: usize, to: &mut Vec<u8>) {
    to.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
}

fn take_length(from: &mut &[u8]) -> Result<usize, DataError> {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(cut(from, 4)?);
    Ok(u32::from_be_bytes(bytes) as usize)
}

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl Field for $type {
            fn put(&self, to: &mut Vec<u8>) {
                to.extend_from_slice(&self.to_be_bytes());
            }
            fn take(from: &mut &[u8]) -> Result<Self, DataError> {
                let mut bytes = [0; 8];
                bytes.copy_from_slice(cut(from, 8)?);
                Ok(<$type>::from_be_bytes(bytes))
            }
        }
    )+};
}
numbers!(u64, i64);

impl Field for String {
    fn put(&self, to: &mut Vec<u8>) {
        put_length(self.len(), to);
        to.extend_from_slice(self.as_bytes());
    }
    fn take(from: &mut &[u8]) -> Result<Self, DataError> {
        let length = take_length(from)?;
        Self::decode(cut(from, length)?)
    }
}

impl<T: Field> Field for Vec<T> {
    fn put(&self, to: &mut Vec<u8>) {
        put_length(self.len(), to);
        self.iter().for_each(|one| one.put(to));
    }
    fn take(from: &mut &[u8]) -> Result<Self, DataError> {
        (0..take_length(from)?).map(|_| T::take(from)).collect()
    }
}

macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $type:ty,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) struct $name {
            $(pub(crate) $field: $type,)+
        }

        impl Field for $name {
            fn put(&self, to: &mut Vec<u8>) {
                $(self.$field.put(to);)+
            }
            fn take(from: &mut &[u8]) -> Result<Self, DataError> {
                Ok(Self { $($field: Field::take(from)?,)+ })
            }
        }

        impl Data for $name {
            fn encode(&self, to: &mut Vec<u8>) {
                self.put(to);
            }
            fn decode(mut bytes: &[u8]) -> Result<Self, DataError> {
                let found = Self::take(&mut bytes)?;
                match bytes {
                    [] => Ok(found),
                    _ => Err(DataError::new(concat!("behind a ", stringify!($name), " is more"))),
                }
            }
        }
    };
}

record! {
    /// Somebody who can sell and bid.
    Person {
        id: u64,
        name: String,
        email: String,
        credit_card: String,
        city: String,
        state: String,
        date_time_ms: i64,
        extra: String,
    }
}
record! {
    /// Something that is for sale.
    Auction {
        id: u64,
        item_name: String,
        description: String,
        initial_bid: u64,
        reserve: u64,
        date_time_ms: i64,
        expires_ms: i64,
        seller: u64,
        category: u64,
        extra: String,
    }
}
record! {
    /// Somebody's offer for it.
    Bid {
        auction: u64,
        bidder: u64,
        price: u64,
        date_time_ms: i64,
        extra: String,
    }
}

/// What happens. Its first byte says which it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Person(Person),
    Auction(Auction),
    Bid(Bid),
}

/// A kind of event.
pub(crate) trait Kind: Data {
    const KIND: u8;
}
impl Kind for Person {
    const KIND: u8 = 0;
}
impl Kind for Auction {
    const KIND: u8 = 1;
}
impl Kind for Bid {
    const KIND: u8 = 2;
}

impl Event {
    pub(crate) fn date_time_ms(&self) -> i64 {
        match self {
            Self::Person(person) => person.date_time_ms,
            Self::Auction(auction) => auction.date_time_ms,
            Self::Bid(bid) => bid.date_time_ms,
        }
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Person(person) => written(person),
            Self::Auction(auction) => written(auction),
            Self::Bid(bid) => written(bid),
        }
    }
}

fn written<T: Kind>(event: &T) -> Vec<u8> {
    let mut bytes = vec![T::KIND];
    event.encode(&mut bytes);
    bytes
}

/// The event of one kind that the bytes are; `None` if it is of another kind.
pub(crate) fn read<T: Kind>(bytes: &[u8]) -> Result<Option<T>, DataError> {
    match bytes.split_first() {
        Some((kind, rest)) if *kind == T::KIND => T::decode(rest).map(Some),
        Some(_) => Ok(None),
        None => Err(DataError::new("an event begins with its kind")),
    }
}

record! {
    /// Of q2: a bid for one of some auctions.
    Selected { auction: u64, price: u64, }
}
record! {
    /// Of q3: what somebody from near here sells.
    LocalItem { name: String, city: String, state: String, auction: u64, }
}
record! {
    /// Of q5: the auctions with the most bids of a window.
    HotItems { bids: u64, auctions: Vec<u64>, }
}
record! {
    /// Of q7: the bids of the highest price of a window.
    HighestBids { bids: Vec<Bid>, }
}
record! {
    /// Of q8: somebody who came and sold something in one window.
    NewSeller { name: String, came_ms: i64, }
}
record! {
    /// Of q13: a bid with what the side input has of its auction.
    WithSide { auction: u64, bidder: u64, price: u64, date_time_ms: i64, side: String, }
}
record! {
    /// Of q17: the bids for an auction on one day.
    AuctionDay {
        total_bids: u64,
        rank1_bids: u64,
        rank2_bids: u64,
        rank3_bids: u64,
        min_price: u64,
        max_price: u64,
        avg_price: u64,
        sum_price: u64,
    }
}
record! {
    /// Of q20: a bid with its auction.
    BidOnAuction { bid: Bid, auction: Auction, }
}
