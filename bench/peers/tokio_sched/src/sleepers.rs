// SPDX-License-Identifier: MIT

//! A task for each sleeper, which awaits tokio::time::sleep once. Its deadline is the time before
//! that call and the call's argument; tokio's timers count whole milliseconds and round up, which
//! is part of the lateness. CPU counts from before the first task until after the last has ended.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// xorshift64; the first seed is 1.
fn next(x: &mut u64) -> u64 {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    *x
}

async fn sleep_all(count: u64) -> u64 {
    let late_ns: Vec<_> = (0..count).map(|_| AtomicI64::new(i64::MIN)).collect();
    let late_ns: &'static [AtomicI64] = late_ns.leak();
    let (awake, mut all_awake) = mpsc::channel::<()>(1);
    let mut seed = 1;
    let before = crate::cpu_s();
    for late in late_ns {
        let length = Duration::from_nanos(next(&mut seed) % 1_000_000_000);
        let awake = awake.clone();
        tokio::spawn(async move {
            let start = Instant::now();
            tokio::time::sleep(length).await;
            late.store(
                start.elapsed().as_nanos() as i64 - length.as_nanos() as i64,
                Relaxed,
            );
            drop(awake);
        });
    }
    drop(awake);
    assert!(all_awake.recv().await.is_none());
    crate::figure("cpu", "s", crate::cpu_s() - before);
    let mut late_ms: Vec<_> = late_ns
        .iter()
        .map(|late| late.load(Relaxed) as f64 / 1e6)
        .collect();
    crate::figure("late p99", "ms", crate::percentile(&mut late_ms, 0.99));
    late_ms.iter().filter(|&&late| late >= 0.0).count() as u64
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime_with_drivers(workers), sleep_all(count))
}
