// SPDX-License-Identifier: MIT

//! A tree of tasks: each node is a parallel sum over its ten children, each of which may run
//! elsewhere. A scope that spawns the ten, the other way to write it, takes twice as long: it
//! allocates for each. Without with_max_len rayon splits but once a node and runs the rest as plain
//! loops, at a tenth of the time: right for users, but then there are no tasks to measure.

use rayon::prelude::*;
use std::time::Instant;

fn node(first: usize, size: usize) -> u64 {
    if size == 1 {
        return first as u64;
    }
    let part = size / 10;
    let children = (0..10).into_par_iter().with_max_len(1);
    children.map(|i| node(first + i * part, part)).sum()
}

pub fn run(count: u64) -> u64 {
    let whole = (0..20)
        .map(|depth| 10u64.pow(depth))
        .any(|size| size == count);
    assert!(whole, "the count must be a power of ten");
    let start = Instant::now();
    let sum = node(0, count as usize);
    crate::figure("tree", "ms", crate::ns_since(start, 1_000_000));
    sum
}
