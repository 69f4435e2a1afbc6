// SPDX-License-Identifier: MIT

//! A oneshot channel, tokio's future that another sets: made, sent to, awaited and dropped.

use std::time::Instant;
use tokio::sync::oneshot;

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let mut sum = 0;
        let start = Instant::now();
        for i in 0..count {
            let (set, future) = oneshot::channel();
            set.send(i).unwrap();
            sum += future.await.unwrap();
        }
        crate::figure("future", "ns", crate::ns_since(start, count));
        sum
    })
}
