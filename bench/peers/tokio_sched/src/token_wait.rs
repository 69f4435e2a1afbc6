// SPDX-License-Identifier: MIT

//! The tree of token_tree.rs, and a task at each token that awaits its cancelled(). The JoinHandles
//! tell when the last has ended.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

static STARTED: AtomicU64 = AtomicU64::new(0);

async fn wait(token: CancellationToken) -> u64 {
    STARTED.fetch_add(1, Relaxed);
    token.cancelled().await;
    1
}

async fn start_and_cancel(count: u64) -> u64 {
    let tokens = crate::token_tree::make_all(count);
    let mut tasks = Vec::with_capacity(count as usize);
    for token in &tokens {
        tasks.push(tokio::spawn(wait(token.clone())));
    }
    while STARTED.load(Relaxed) < count {
        tokio::task::yield_now().await;
    }
    // None is on its way to its wait any more.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut told = 0;
    let start = Instant::now();
    tokens[0].cancel();
    for task in tasks {
        told += task.await.unwrap();
    }
    crate::figure("told", "ns", crate::ns_since(start, count));
    told
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime_with_drivers(workers), start_and_cancel(count))
}
