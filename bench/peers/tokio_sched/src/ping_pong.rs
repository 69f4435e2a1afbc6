// SPDX-License-Identifier: MIT

//! Two tasks and two mpsc channels with room for one value, which is what tokio's users connect two
//! tasks with; it has no channel without a buffer. Two Notify, which pass no value, take a quarter
//! less CPU time.

use std::time::Instant;
use tokio::sync::mpsc;

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let (ping, mut pinged) = mpsc::channel(1);
        let (pong, mut ponged) = mpsc::channel(1);
        let start = Instant::now();
        tokio::spawn(async move {
            while let Some(i) = pinged.recv().await {
                pong.send(i + 1).await.unwrap();
            }
        });
        let trips = tokio::spawn(async move {
            let mut trips = 0;
            for i in 0..count {
                ping.send(i).await.unwrap();
                trips += u64::from(ponged.recv().await == Some(i + 1));
            }
            trips
        });
        let trips = trips.await.unwrap();
        crate::figure("round trip", "ns", crate::ns_since(start, count));
        trips
    })
}
