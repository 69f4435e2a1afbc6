// SPDX-License-Identifier: MIT

//! tokio::spawn for each task; the JoinHandles are kept in a Vec of the right size and awaited in
//! order, by a task on a worker.

use std::time::Instant;

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let mut sum = 0;
        let mut handles = Vec::with_capacity(count as usize);
        let start = Instant::now();
        for i in 0..count {
            handles.push(tokio::spawn(async move { i }));
        }
        for handle in handles {
            sum += handle.await.unwrap();
        }
        crate::figure("task", "ns", crate::ns_since(start, count));
        sum
    })
}
