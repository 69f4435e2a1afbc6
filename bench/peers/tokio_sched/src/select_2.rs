// SPDX-License-Identifier: MIT

//! tokio::select! over two channels, until both are closed. It polls the branches in a random order
//! and takes the first that is ready.

use tokio::sync::mpsc::Receiver;

async fn select([mut a, mut b]: [Receiver<u64>; 2]) -> u64 {
    let mut sum = 0;
    loop {
        sum += tokio::select! {
            Some(item) = a.recv() => item,
            Some(item) = b.recv() => item,
            else => return sum,
        }
    }
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), crate::among::among(count, select))
}
