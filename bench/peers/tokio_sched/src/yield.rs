// SPDX-License-Identifier: MIT

//! Two tasks call yield_now in turns, which runs the others that are ready first. There is one
//! worker whatever is asked for: with more there would be nobody to yield to. On a runtime with
//! drivers a yield costs twice as much, for when all have yielded the worker looks into epoll.

use std::time::Instant;
use tokio::task::yield_now;

async fn yields(count: u64) -> u64 {
    let mut done = 0;
    while done < count {
        yield_now().await;
        done += 1;
    }
    done
}

pub fn run(_workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(1), async move {
        let start = Instant::now();
        let tasks = [tokio::spawn(yields(count)), tokio::spawn(yields(count))];
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        crate::figure("yield", "ns", crate::ns_since(start, 2 * count));
        sum
    })
}
