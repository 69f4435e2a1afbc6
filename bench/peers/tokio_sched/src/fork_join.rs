// SPDX-License-Identifier: MIT

//! fib by tasks, without a cut-off: each call spawns fib(n-1), awaits fib(n-2) in place and then
//! the JoinHandle of the other. An async function that calls itself needs boxed futures, so users
//! write exactly this.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

fn fib(n: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let other = tokio::spawn(fib(n - 1));
        let mine = fib(n - 2).await;
        mine + other.await.unwrap()
    })
}

fn serial_fib(n: u64) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

pub fn run(workers: usize, n: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let start = Instant::now();
        let sum = fib(n).await;
        crate::figure(
            "spawn+join",
            "ns",
            crate::ns_since(start, serial_fib(n + 1) - 1),
        );
        sum
    })
}
