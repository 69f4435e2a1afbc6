// SPDX-License-Identifier: MIT

//! A tree of tasks: each node spawns ten and awaits their JoinHandles. The well-known program sends
//! the sums through channels, as Go does; a JoinHandle is how tokio returns a task's result, and is
//! faster.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn node(first: u64, size: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if size == 1 {
            return first;
        }
        let part = size / 10;
        let children: Vec<_> = (0..10)
            .map(|i| tokio::spawn(node(first + i * part, part)))
            .collect();
        let mut sum = 0;
        for child in children {
            sum += child.await.unwrap();
        }
        sum
    })
}

pub fn run(workers: usize, count: u64) -> u64 {
    let whole = (0..20)
        .map(|depth| 10u64.pow(depth))
        .any(|size| size == count);
    assert!(whole, "the count must be a power of ten");
    crate::on_worker(&crate::runtime(workers), async move {
        let start = Instant::now();
        let sum = node(0, count).await;
        crate::figure("tree", "ms", crate::ns_since(start, 1_000_000));
        sum
    })
}
