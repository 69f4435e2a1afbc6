// SPDX-License-Identifier: MIT

//! tokio::select! over eight channels, until all are closed (see select_2.rs).

use tokio::sync::mpsc::Receiver;

async fn select(receivers: [Receiver<u64>; 8]) -> u64 {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = receivers;
    let mut sum = 0;
    loop {
        sum += tokio::select! {
            Some(item) = a.recv() => item,
            Some(item) = b.recv() => item,
            Some(item) = c.recv() => item,
            Some(item) = d.recv() => item,
            Some(item) = e.recv() => item,
            Some(item) = f.recv() => item,
            Some(item) = g.recv() => item,
            Some(item) = h.recv() => item,
            else => return sum,
        }
    }
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), crate::among::among(count, select))
}
