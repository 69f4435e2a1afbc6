// SPDX-License-Identifier: MIT

//! tokio::sync::Mutex around a counter, of one task and of 1,000. (tokio's own advice for a section
//! as short as this is the Mutex of std, which keeps the thread waiting.)

use crate::together::{measured, share, together, TASKS};
use std::sync::Arc;
use tokio::sync::Mutex;

async fn lock_often(counter: Arc<Mutex<u64>>, times: u64) -> u64 {
    for _ in 0..times {
        *counter.lock().await += 1;
    }
    0
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let counter = Arc::new(Mutex::new(0));
        measured("uncontended", count, lock_often(counter.clone(), count)).await;
        let tasks = together(TASKS, |task| {
            lock_often(counter.clone(), share(count, task))
        });
        measured("1000 tasks", count, tasks).await;
        let sum = *counter.lock().await;
        sum
    })
}
