// SPDX-License-Identifier: MIT

//! What the workloads of channels share: tasks that send the numbers below count, dealt out among
//! them, and drop their Sender, and a task for the receiver, which has them all when recv gives
//! None.

use std::future::Future;
use std::time::Instant;
use tokio::sync::mpsc::{channel, Receiver, Sender};

pub const ROOM: usize = 128;

/// Sends every n-th number from the first on.
pub async fn deal(items: Sender<u64>, first: u64, n: u64, count: u64) {
    for i in (first..count).step_by(n as usize) {
        items.send(i).await.unwrap();
    }
}

/// So many senders, and what is made of the receiver; the figure and the sum of all items.
pub async fn flow<F>(senders: u64, count: u64, receive: impl FnOnce(Receiver<u64>) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let start = Instant::now();
    let (items, receiver) = channel(ROOM);
    let received = tokio::spawn(receive(receiver));
    for first in 0..senders {
        tokio::spawn(deal(items.clone(), first, senders, count));
    }
    drop(items);
    let sum = received.await.unwrap();
    crate::figure("item", "ns", crate::ns_since(start, count));
    sum
}
