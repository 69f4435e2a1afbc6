// SPDX-License-Identifier: MIT

//! A task spawns another and then computes for 10 ms, as tokio's users are told not to do. What a
//! worker's task spawned last lies in a slot of its own, which no other worker takes from.

use std::time::{Duration, Instant};

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let mut latency_us = Vec::with_capacity(count as usize);
        for _ in 0..count {
            let made = Instant::now();
            let child = tokio::spawn(async { Instant::now() });
            while made.elapsed() < Duration::from_millis(10) {}
            let started = child.await.unwrap();
            latency_us.push((started - made).as_nanos() as f64 / 1e3);
        }
        crate::figure("p50", "us", crate::percentile(&mut latency_us, 0.5));
        crate::figure("p99", "us", crate::percentile(&mut latency_us, 0.99));
        latency_us.len() as u64
    })
}
