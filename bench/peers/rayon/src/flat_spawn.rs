// SPDX-License-Identifier: MIT

//! rayon's spawned tasks have no handles: a task of a scope writes its result to a place of its own
//! in a slice, and the end of the scope waits for all. The slice's pages are there before the clock
//! starts; the results are read in order within it, as they are where handles are joined.

use std::time::Instant;

pub fn run(count: u64) -> u64 {
    let mut results = vec![u64::MAX; count as usize];
    let start = Instant::now();
    rayon::scope(|scope| {
        for (i, result) in results.iter_mut().enumerate() {
            scope.spawn(move |_| *result = i as u64);
        }
    });
    let sum = results.iter().sum();
    crate::figure("task", "ns", crate::ns_since(start, count));
    sum
}
