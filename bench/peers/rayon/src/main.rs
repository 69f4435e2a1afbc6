// SPDX-License-Identifier: MIT

//! rayon beside thrum's scheduler: the command line and what the workloads share. Each workload is
//! a file of its own, written as rayon's users would, and runs on a worker of a pool of so many
//! threads. rayon's tasks run to their end: it has none that wait and no timers, so the workloads
//! that need those are not here.
//!
//!     peer --list
//!     peer WORKLOAD --workers W --count N
//!
//! It does the workload once and prints its figures and the checksum of its work.

mod behind_hog;
mod flat_spawn;
mod fork_join;
mod parallel_for;
mod scope;
mod skynet;
mod sort;

use std::process::exit;
use std::time::Instant;

/// Takes the count, prints its figures and returns the sum.
type Workload = fn(u64) -> u64;

/// How many scopes the workload of that name opens one after the other.
const SCOPES: u64 = 100;

const WORKLOADS: [(&str, Workload); 7] = [
    ("fork_join", fork_join::run),
    ("skynet", skynet::run),
    ("flat_spawn", flat_spawn::run),
    ("scope", scope::run),
    ("behind_hog", behind_hog::run),
    ("sort", sort::run),
    ("parallel_for", parallel_for::run),
];

fn figure(name: &str, unit: &str, value: f64) {
    println!("figure\t{name}\t{unit}\t{value:.6}");
}

/// For figures of one operation of n.
fn ns_since(start: Instant, n: u64) -> f64 {
    start.elapsed().as_nanos() as f64 / n as f64
}

fn usage() -> ! {
    eprintln!("peer --list | peer WORKLOAD --workers W --count N");
    exit(2)
}

/// The number behind the option of that name.
fn option(args: &[String], name: &str) -> u64 {
    let at = args
        .iter()
        .position(|arg| arg == name)
        .unwrap_or_else(|| usage());
    match args.get(at + 1).and_then(|text| text.parse().ok()) {
        Some(number) if number > 0 => number,
        _ => usage(),
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() == 2 && args[1] == "--list" {
        WORKLOADS.iter().for_each(|(name, _)| println!("{name}"));
        return;
    }
    match WORKLOADS
        .iter()
        .find(|(name, _)| args.len() == 6 && args[1] == *name)
    {
        Some((_, run)) => {
            let workers = option(&args, "--workers") as usize;
            let count = option(&args, "--count");
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(workers)
                .build()
                .expect("a pool");
            println!("sum\t{}", pool.install(|| run(count)));
        }
        None => usage(),
    }
}
