// SPDX-License-Identifier: MIT

//! tokio has no channel without a buffer. Who wants to know that an item has been taken sends a
//! oneshot with it, made for each, and awaits that: an mpsc channel with room for one, and the
//! answer.

use std::time::Instant;
use tokio::sync::{mpsc, oneshot};

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let start = Instant::now();
        let (items, mut receiver) = mpsc::channel::<(u64, oneshot::Sender<()>)>(1);
        tokio::spawn(async move {
            for i in 0..count {
                let (taken, is_taken) = oneshot::channel();
                items.send((i, taken)).await.unwrap();
                is_taken.await.unwrap();
            }
        });
        let received = tokio::spawn(async move {
            let mut sum = 0;
            while let Some((item, taken)) = receiver.recv().await {
                sum += item;
                taken.send(()).unwrap();
            }
            sum
        });
        let sum = received.await.unwrap();
        crate::figure("item", "ns", crate::ns_since(start, count));
        sum
    })
}
