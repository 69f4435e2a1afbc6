// SPDX-License-Identifier: MIT

//! rayon::scope, from which what its tasks do is borrowed, and which ends when all of them have. A
//! task that panics makes the scope panic, but cancels nobody. Each child is a closure on the heap.

use std::time::Instant;

pub fn run(count: u64) -> u64 {
    let mut places = vec![1; count as usize];
    places.fill(0); // Its pages are there before the clock starts.
    let start = Instant::now();
    for _ in 0..crate::SCOPES {
        rayon::scope(|scope| {
            for place in &mut places {
                scope.spawn(move |_| *place += 1);
            }
        });
    }
    crate::figure("child", "ns", crate::ns_since(start, crate::SCOPES * count));
    (1..).zip(&places).map(|(number, place)| number * place).sum()
}
