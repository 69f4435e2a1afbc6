// SPDX-License-Identifier: MIT

//! tokio_util's CancellationToken: child_token for each, cancel of the root, is_cancelled of each;
//! all are dropped from the youngest on. Cancel takes every token out of the tree on its way.

use std::time::Instant;
use tokio_util::sync::CancellationToken;

pub fn make_all(count: u64) -> Vec<CancellationToken> {
    let mut tokens = Vec::with_capacity(count as usize);
    tokens.push(CancellationToken::new());
    for i in 1..count as usize {
        let token = tokens[(i - 1) / 10].child_token();
        tokens.push(token);
    }
    tokens
}

fn make_cancel_drop(count: u64) -> u64 {
    let start = Instant::now();
    let mut tokens = make_all(count);
    crate::figure("create", "ns", crate::ns_since(start, count));
    assert!(!tokens.last().unwrap().is_cancelled());

    let start = Instant::now();
    tokens[0].cancel();
    crate::figure("cancel", "ns", crate::ns_since(start, count));

    let start = Instant::now();
    let seen = tokens.iter().filter(|token| token.is_cancelled()).count();
    crate::figure("look", "ns", crate::ns_since(start, count));

    let start = Instant::now();
    while let Some(token) = tokens.pop() {
        drop(token);
    }
    crate::figure("release", "ns", crate::ns_since(start, count));
    seen as u64
}

pub fn run(workers: usize, count: u64) -> u64 {
    crate::on_worker(&crate::runtime(workers), async move { make_cancel_drop(count) })
}
