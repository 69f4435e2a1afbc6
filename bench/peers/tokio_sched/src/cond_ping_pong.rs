// SPDX-License-Identifier: MIT

//! tokio has no condition. Its Notify is what takes that place: the flag is under a Mutex of std,
//! which nobody holds while he waits, and each of the two has a Notify of its own, as one keeps a
//! wake that nobody waits for, and who left it might find it himself.

use crate::together::{measured, together};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

#[derive(Default)]
struct Table {
    turn: Mutex<usize>,
    turned: [Notify; 2],
}

async fn play(table: Arc<Table>, mine: usize, count: u64) -> u64 {
    for _ in 0..count {
        while *table.turn.lock().unwrap() != mine {
            table.turned[mine].notified().await;
        }
        *table.turn.lock().unwrap() = 1 - mine;
        table.turned[1 - mine].notify_one();
    }
    count * mine as u64
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move {
        let table = Arc::new(Table::default());
        let both = together(2, |mine| play(table.clone(), mine as usize, count));
        measured("round trip", count, both).await
    })
}
