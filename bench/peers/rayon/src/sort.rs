// SPDX-License-Identifier: MIT

//! par_sort_unstable, rayon's parallel pattern-defeating quicksort, which sorts in place and knows
//! the type: no comparator is called through a pointer.

use rayon::prelude::*;
use std::time::Instant;

/// xorshift64; the first seed is 1.
fn next(x: &mut u64) -> u64 {
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    *x
}

pub fn run(count: u64) -> u64 {
    let mut seed = 1;
    let mut values: Vec<i32> = (0..count).map(|_| next(&mut seed) as i32).collect();
    let start = Instant::now();
    values.par_sort_unstable();
    crate::figure("sort", "ms", crate::ns_since(start, 1_000_000));
    assert!(
        values.windows(2).all(|pair| pair[0] <= pair[1]),
        "not sorted"
    );
    let weighed = (1u64..)
        .zip(&values)
        .map(|(i, &value)| i.wrapping_mul(value as i64 as u64));
    weighed.fold(0, u64::wrapping_add)
}
