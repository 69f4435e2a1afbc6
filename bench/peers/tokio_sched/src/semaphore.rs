// SPDX-License-Identifier: MIT

//! tokio::sync::Semaphore: acquire, and a permit that is given back when it is dropped. One task,
//! and 1,000 of them that hold it over a yield_now.

use crate::together::{measured, share, together, TASKS};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

const PERMITS: usize = 10;

async fn take_often(semaphore: Arc<Semaphore>, times: u64) -> u64 {
    let mut had = 0;
    for _ in 0..times {
        let _permit = semaphore.acquire().await.unwrap();
        had += 1;
    }
    had
}

async fn hold_often(semaphore: Arc<Semaphore>, times: u64) -> u64 {
    let mut had = 0;
    for _ in 0..times {
        let _permit = semaphore.acquire().await.unwrap();
        had += 1;
        yield_now().await;
    }
    had
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let semaphore = Arc::new(Semaphore::new(PERMITS));
        let alone = take_often(semaphore.clone(), count);
        let sum = measured("uncontended", count, alone).await;
        let tasks = together(TASKS, |task| {
            hold_often(semaphore.clone(), share(count, task))
        });
        let sum = sum + measured("10 permits", count, tasks).await;
        assert_eq!(semaphore.available_permits(), PERMITS);
        sum
    })
}
