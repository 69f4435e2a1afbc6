// SPDX-License-Identifier: MIT

//! tokio::sync::Barrier and 100 tasks.

use crate::together::{measured, together};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use tokio::sync::Barrier;

const PARTIES: usize = 100;

struct Meetings {
    barrier: Barrier,
    /// The meeting that each has come to.
    at: [AtomicU64; PARTIES],
}

async fn meet(meetings: Arc<Meetings>, number: usize, count: u64) -> u64 {
    let mut in_step = 0;
    for n in 1..=count {
        meetings.at[number].store(n, Relaxed);
        meetings.barrier.wait().await;
        in_step += u64::from(meetings.at[(number + 1) % PARTIES].load(Relaxed) >= n);
    }
    in_step
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let meetings = Arc::new(Meetings {
            barrier: Barrier::new(PARTIES),
            at: [(); PARTIES].map(|_| AtomicU64::new(0)),
        });
        let n = PARTIES as u64;
        let tasks = together(n, |number| meet(meetings.clone(), number as usize, count));
        measured("part", n * count, tasks).await
    })
}
