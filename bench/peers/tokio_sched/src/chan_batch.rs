// SPDX-License-Identifier: MIT

//! chan_1to1.rs with a receiver that takes what is there, up to 64 items at once. Debian's tokio is
//! from before recv_many: a recv, which waits, and try_recv until there is nothing more.

use tokio::sync::mpsc::Receiver;

const BATCH: usize = 64;

/// False: it is closed, and there are none.
async fn receive_batch(from: &mut Receiver<u64>, items: &mut Vec<u64>) -> bool {
    match from.recv().await {
        Some(item) => items.push(item),
        None => return false,
    }
    while items.len() < BATCH {
        match from.try_recv() {
            Ok(item) => items.push(item),
            Err(_) => break,
        }
    }
    true
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(
        &crate::runtime(workers),
        crate::channel::flow(1, count, |mut from| async move {
            let mut sum = 0;
            let mut items = Vec::with_capacity(BATCH);
            while receive_batch(&mut from, &mut items).await {
                sum += items.drain(..).sum::<u64>();
            }
            sum
        }),
    )
}
