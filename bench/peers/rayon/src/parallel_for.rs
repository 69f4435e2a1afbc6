// SPDX-License-Identifier: MIT

//! A parallel iterator over the elements which may be split down to one. rayon splits a few times
//! for each thread and again whatever is stolen; what is not split further runs as a plain loop.
//! The pages of the array are there before the clock starts.

use rayon::prelude::*;
use std::time::Instant;

pub fn run(count: u64) -> u64 {
    let mut a = vec![u64::MAX; count as usize];
    let start = Instant::now();
    a.par_iter_mut()
        .enumerate()
        .with_min_len(1)
        .for_each(|(i, element)| {
            *element = (i as u64).wrapping_mul(2654435761);
        });
    crate::figure("chunk", "ns", crate::ns_since(start, count));
    a.iter().fold(0, |sum, &element| sum.wrapping_add(element))
}
