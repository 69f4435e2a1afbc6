// SPDX-License-Identifier: MIT

//! What the workloads of locks share: many tasks at the same work.

use std::future::Future;
use std::time::Instant;

pub const TASKS: u64 = 1000;

/// The part of count that falls to a task of so many.
pub fn share(count: u64, task: u64) -> u64 {
    count / TASKS + u64::from(task < count % TASKS)
}

/// Spawns work n times, with their numbers, and awaits all; adds up what they return.
pub async fn together<F>(n: u64, work: impl Fn(u64) -> F) -> u64
where
    F: Future<Output = u64> + Send + 'static,
{
    let tasks: Vec<_> = (0..n).map(|number| tokio::spawn(work(number))).collect();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    sum
}

/// Awaits work, with a figure for each of n operations.
pub async fn measured(name: &str, n: u64, work: impl Future<Output = u64>) -> u64 {
    let start = Instant::now();
    let sum = work.await;
    crate::figure(name, "ns", crate::ns_since(start, n));
    sum
}
