//! Requests and answers between this process and name servers and brokers: RocketMQ's remoting
//! protocol, many requests at a time over one connection to each address.
//!
//! The frames are those of `rocketmq-protocol`. The connections are ours: the client of the same
//! project keeps a broker that was restarted out for half a minute, lets what is under way wait
//! for its time-out when the connection is lost, and makes one call at a time.

mod acl;
mod client;
mod connection;
mod error;

pub(crate) use client::{Remoting, command, refused};
pub(crate) use error::CallError;
