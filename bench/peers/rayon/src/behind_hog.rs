// SPDX-License-Identifier: MIT

//! rayon::join runs its first closure at once, here one that computes for 10 ms, and shows the
//! second one to the other threads.

use std::time::{Duration, Instant};

pub fn run(count: u64) -> u64 {
    let mut latency_us: Vec<f64> = Vec::with_capacity(count as usize);
    for _ in 0..count {
        let made = Instant::now();
        let ((), started) = rayon::join(
            || while made.elapsed() < Duration::from_millis(10) {},
            Instant::now,
        );
        latency_us.push((started - made).as_nanos() as f64 / 1e3);
    }
    latency_us.sort_unstable_by(f64::total_cmp);
    for (name, rank) in [
        ("p50", latency_us.len() / 2),
        ("p99", latency_us.len() * 99 / 100),
    ] {
        crate::figure(name, "us", latency_us[rank]);
    }
    latency_us.len() as u64
}
