// SPDX-License-Identifier: MIT

//! An mpsc channel has one receiver, so four tasks share that under a tokio Mutex: who has it waits
//! for an item, the others for the Mutex. Channels for several receivers come from other crates.

use std::sync::Arc;
use tokio::sync::mpsc::Receiver;
use tokio::sync::Mutex;

const ENDS: u64 = 4;

async fn receive(items: Arc<Mutex<Receiver<u64>>>) -> u64 {
    let mut sum = 0;
    loop {
        let item = items.lock().await.recv().await;
        match item {
            Some(item) => sum += item,
            None => return sum,
        }
    }
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(
        &crate::runtime(workers),
        crate::channel::flow(ENDS, count, |items| {
            let items = Arc::new(Mutex::new(items));
            crate::together::together(ENDS, move |_| receive(items.clone()))
        }),
    )
}
