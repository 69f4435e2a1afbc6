// SPDX-License-Identifier: MIT

//! A JoinSet: spawn for each child, join_next until it has none left, which is how it is waited for.
//! That gives the results, so a child returns its number and needs no place to write to. A JoinSet
//! that is dropped aborts its tasks; a child that fails cancels nobody by itself.

use std::time::Instant;
use tokio::task::JoinSet;

const SCOPES: u64 = 100;

async fn open_and_close(count: u64) -> u64 {
    let mut scope = JoinSet::new();
    let mut sum = 0;
    for number in 1..=count {
        scope.spawn(async move { number });
    }
    while let Some(number) = scope.join_next().await {
        sum += number.unwrap();
    }
    sum
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let mut sum = 0;
        let start = Instant::now();
        for _ in 0..SCOPES {
            sum += open_and_close(count).await;
        }
        crate::figure("child", "ns", crate::ns_since(start, SCOPES * count));
        sum
    })
}
