// SPDX-License-Identifier: MIT

//! An mpsc channel between two tasks.

use crate::channel::flow;

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(
        &crate::runtime(workers),
        flow(1, count, |mut items| async move {
            let mut sum = 0;
            while let Some(item) = items.recv().await {
                sum += item;
            }
            sum
        }),
    )
}
