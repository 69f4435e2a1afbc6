// SPDX-License-Identifier: MIT

//! The main thread, none of the runtime's, spawns a task and blocks until it has its result, which
//! is the time at which the task began to run.

use std::time::{Duration, Instant};

pub fn run(workers: usize, count: u64) -> u64 {
    let rt = crate::runtime(workers);
    let mut latency_us = Vec::with_capacity(count as usize);
    for _ in 0..count {
        std::thread::sleep(Duration::from_millis(2));
        let start = Instant::now();
        let task = rt.spawn(async { Instant::now() });
        let started = rt.block_on(task).unwrap();
        latency_us.push((started - start).as_nanos() as f64 / 1e3);
    }
    crate::figure("p50", "us", crate::percentile(&mut latency_us, 0.5));
    crate::figure("p99", "us", crate::percentile(&mut latency_us, 0.99));
    latency_us.len() as u64
}
