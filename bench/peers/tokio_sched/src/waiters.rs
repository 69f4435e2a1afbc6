// SPDX-License-Identifier: MIT

//! So many tasks wait at a Semaphore, and one more has its permit: it drops it, which gives it to
//! the first of them, and waits behind all others. 200,000 times.

use crate::together::together;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

const WAKES: u64 = 200000;

struct Queue {
    permit: Semaphore,
    standing: AtomicU64,
    /// Written by who has the permit.
    left: AtomicU64,
    start: Mutex<Option<Instant>>,
}

async fn stand(queue: Arc<Queue>) -> u64 {
    let mut woken = 0;
    queue.standing.fetch_add(1, Relaxed);
    loop {
        let _permit = queue.permit.acquire().await.unwrap();
        let left = queue.left.load(Relaxed);
        if left == 0 {
            return woken;
        }
        woken += 1;
        queue.left.store(left - 1, Relaxed);
        if left == 1 {
            let start = queue.start.lock().unwrap().unwrap();
            crate::figure("wake", "ns", crate::ns_since(start, WAKES));
        }
    }
}

async fn begin(queue: Arc<Queue>, count: u64) {
    while queue.standing.load(Relaxed) <= count {
        tokio::task::yield_now().await;
    }
    // None is on its way to its wait any more.
    tokio::time::sleep(Duration::from_millis(20)).await;
    *queue.start.lock().unwrap() = Some(Instant::now());
    queue.permit.add_permits(1);
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime_with_drivers(workers), async move {
        let queue = Arc::new(Queue {
            permit: Semaphore::new(0),
            standing: AtomicU64::new(0),
            left: AtomicU64::new(WAKES),
            start: Mutex::new(None),
        });
        tokio::spawn(begin(queue.clone(), count));
        together(count + 1, |_| stand(queue.clone())).await
    })
}
