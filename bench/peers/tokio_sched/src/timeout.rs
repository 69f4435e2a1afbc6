// SPDX-License-Identifier: MIT

//! tokio::time::timeout around a future that is ready, and around a yield_now of two tasks in turns,
//! with one worker whatever is asked for (see yield.rs). It needs the time driver. The future is
//! polled before the timer is, so what is ready at once sets none; the clock is read all the same.

use std::time::{Duration, Instant};
use tokio::task::yield_now;
use tokio::time::timeout;

const LIMIT: Duration = Duration::from_secs(10);

async fn around_nothing(count: u64) -> u64 {
    let mut sum = 0;
    for i in 0..count {
        sum += timeout(LIMIT, async move { i }).await.unwrap();
    }
    sum
}

async fn around_yields(count: u64) -> u64 {
    let mut sum = 0;
    for i in 0..count {
        timeout(LIMIT, yield_now()).await.unwrap();
        sum += i;
    }
    sum
}

pub fn run(_workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime_with_drivers(1), async move {
        let start = Instant::now();
        let mut sum = around_nothing(count).await;
        crate::figure("nothing", "ns", crate::ns_since(start, count));
        let start = Instant::now();
        let tasks = [
            tokio::spawn(around_yields(count)),
            tokio::spawn(around_yields(count)),
        ];
        for task in tasks {
            sum += task.await.unwrap();
        }
        crate::figure("a yield", "ns", crate::ns_since(start, 2 * count));
        sum
    })
}
