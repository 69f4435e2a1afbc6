// SPDX-License-Identifier: MIT

//! tokio::sync::RwLock around two words, of one task that reads and of 1,000 of whose 20 operations
//! one writes; these without and with a yield_now while they hold it. It keeps to the order in
//! which they came.

use crate::together::{measured, share, together, TASKS};
use std::sync::Arc;
use tokio::sync::RwLock;
use tokio::task::yield_now;

const OF_WHICH_ONE_WRITES: u64 = 20;

#[derive(Default)]
struct Pair {
    a: u64,
    b: u64,
}

async fn pause(yields: bool) {
    if yields {
        yield_now().await;
    }
}

async fn read_once(lock: &RwLock<Pair>, yields: bool) -> u64 {
    let pair = lock.read().await;
    let a = pair.a;
    pause(yields).await;
    u64::from(a == pair.b)
}

async fn write_once(lock: &RwLock<Pair>, yields: bool) -> u64 {
    let mut pair = lock.write().await;
    pair.a += 1;
    pause(yields).await;
    pair.b += 1;
    u64::from(pair.a == pair.b)
}

async fn read_alone(lock: Arc<RwLock<Pair>>, times: u64) -> u64 {
    let mut same = 0;
    for _ in 0..times {
        same += read_once(&lock, false).await;
    }
    same
}

async fn read_and_write(lock: Arc<RwLock<Pair>>, task: u64, times: u64, yields: bool) -> u64 {
    let mut same = 0;
    for i in 0..times {
        same += match (task + i) % OF_WHICH_ONE_WRITES {
            0 => write_once(&lock, yields).await,
            _ => read_once(&lock, yields).await,
        }
    }
    same
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let lock = Arc::new(RwLock::new(Pair::default()));
        let mut sum = measured("read", count, read_alone(lock.clone(), count)).await;
        for (name, yields) in [("1000 tasks", false), ("over a yield", true)] {
            let tasks = together(TASKS, |task| {
                read_and_write(lock.clone(), task, share(count, task), yields)
            });
            sum += measured(name, count, tasks).await;
        }
        sum
    })
}
