// SPDX-License-Identifier: MIT

//! What select_2.rs and select_8.rs share: mpsc channels with a task for each, which sends its part
//! of the numbers below count, and a task that receives from all of them.

use crate::channel::{deal, ROOM};
use std::future::Future;
use std::time::Instant;
use tokio::sync::mpsc::{channel, Receiver};

/// The figure and the sum of all items.
pub async fn among<F, const N: usize>(
    count: u64,
    select: impl FnOnce([Receiver<u64>; N]) -> F,
) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..N).map(|_| channel(ROOM)).unzip();
    let start = Instant::now();
    let received = tokio::spawn(select(receivers.try_into().unwrap()));
    for (first, items) in senders.into_iter().enumerate() {
        tokio::spawn(deal(items, first as u64, N as u64, count));
    }
    let sum = received.await.unwrap();
    crate::figure("item", "ns", crate::ns_since(start, count));
    sum
}
