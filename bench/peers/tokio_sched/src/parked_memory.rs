// SPDX-License-Identifier: MIT

//! Tasks that wait for a Notify which tells all at once when they shall end. tokio's tasks have no
//! stack: each is one allocation of the size of what it keeps across the wait, and its JoinHandle
//! is dropped, as it is where nobody asks for a result. "create" ends when all run, "end" when all
//! have dropped their sender of the channel, tokio's usual way to see that.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, Notify};

static STARTED: AtomicU64 = AtomicU64::new(0);
static LEFT: AtomicU64 = AtomicU64::new(0);

async fn wait(stop: Arc<Notify>, _ended: mpsc::Sender<()>) {
    let stopped = stop.notified(); // It misses nothing from here on.
    STARTED.fetch_add(1, Relaxed);
    stopped.await;
    LEFT.fetch_add(1, Relaxed);
}

async fn park_all(count: u64) -> u64 {
    let stop = Arc::new(Notify::new());
    let (ended, mut all_ended) = mpsc::channel(1);
    let before = crate::memory_bytes();
    let start = Instant::now();
    for _ in 0..count {
        tokio::spawn(wait(stop.clone(), ended.clone()));
    }
    while STARTED.load(Relaxed) < count {
        tokio::task::yield_now().await;
    }
    let create = start.elapsed();
    tokio::time::sleep(Duration::from_millis(20)).await;
    crate::figure(
        "bytes",
        "B",
        (crate::memory_bytes() - before) / count as f64,
    );
    crate::figure("create", "s", create.as_secs_f64());
    let start = Instant::now();
    stop.notify_waiters();
    drop(ended);
    assert!(all_ended.recv().await.is_none());
    crate::figure("end", "s", start.elapsed().as_secs_f64());
    LEFT.load(Relaxed)
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime_with_drivers(workers), park_all(count))
}
