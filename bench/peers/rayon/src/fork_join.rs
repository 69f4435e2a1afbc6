// SPDX-License-Identifier: MIT

//! fib by rayon::join, without a cut-off: the first closure runs at once, the second waits in the
//! caller's frame for a thief and runs in place when there was none. Allocates nothing. Taking it
//! back costs a full fence, so the figure follows the CPU more than others do: an mfence is 4.5 ns
//! on some and 15 ns on others.

use std::time::Instant;

fn fib(n: u64) -> u64 {
    if n < 2 {
        return n;
    }
    let (mine, other) = rayon::join(|| fib(n - 2), || fib(n - 1));
    mine + other
}

fn serial_fib(n: u64) -> u64 {
    (0..n).fold((0, 1), |(a, b), _| (b, a + b)).0
}

pub fn run(n: u64) -> u64 {
    let start = Instant::now();
    let sum = fib(n);
    crate::figure(
        "spawn+join",
        "ns",
        crate::ns_since(start, serial_fib(n + 1) - 1),
    );
    sum
}
