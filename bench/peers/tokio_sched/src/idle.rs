// SPDX-License-Identifier: MIT

//! A runtime that has run tasks and used its timers, then nothing. The main thread, which is none
//! of its workers, sleeps in the kernel.

use std::time::Duration;

async fn work() {
    let tasks: Vec<_> = (0..1000)
        .map(|_| tokio::spawn(tokio::time::sleep(Duration::from_micros(100))))
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

pub fn run(workers: usize, seconds: u64) -> u64 {
    let rt = crate::runtime_with_drivers(workers);
    crate::on_worker(&rt, work());
    std::thread::sleep(Duration::from_millis(1500));
    let before = crate::cpu_s();
    std::thread::sleep(Duration::from_secs(seconds));
    crate::figure("cpu", "ms", (crate::cpu_s() - before) * 1e3);
    0
}
