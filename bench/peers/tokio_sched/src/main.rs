// SPDX-License-Identifier: MIT

//! tokio beside thrum's scheduler: the command line and what the workloads share. Each workload is
//! a file of its own, written as tokio's users would, on the multi-threaded runtime with so many
//! worker threads.
//!
//!     peer --list
//!     peer WORKLOAD --workers W --count N
//!
//! It does the workload once and prints its figures and the checksum of its work.

mod among;
mod barrier_100;
mod behind_hog;
mod chan_1to1;
mod chan_batch;
mod chan_nton;
mod chan_rendezvous;
mod channel;
mod cond_ping_pong;
mod flat_spawn;
mod fork_join;
mod idle;
mod mutex;
mod parked_memory;
mod ping_pong;
mod ready_future;
mod rwlock;
mod scope;
mod select_2;
mod select_8;
mod semaphore;
mod skynet;
mod sleepers;
mod submit_wake;
mod timeout;
mod together;
mod token_tree;
mod token_wait;
mod waiters;
mod r#yield;

use std::future::Future;
use std::process::exit;
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// Takes the number of workers and the count, prints its figures and returns the sum.
type Workload = fn(usize, u64) -> u64;

const WORKLOADS: [(&str, Workload); 27] = [
    ("fork_join", fork_join::run),
    ("skynet", skynet::run),
    ("flat_spawn", flat_spawn::run),
    ("yield", r#yield::run),
    ("ping_pong", ping_pong::run),
    ("ready_future", ready_future::run),
    ("parked_memory", parked_memory::run),
    ("sleepers", sleepers::run),
    ("idle", idle::run),
    ("submit_wake", submit_wake::run),
    ("behind_hog", behind_hog::run),
    ("scope", scope::run),
    ("token_tree", token_tree::run),
    ("token_wait", token_wait::run),
    ("timeout", timeout::run),
    ("chan_1to1", chan_1to1::run),
    ("chan_nton", chan_nton::run),
    ("chan_rendezvous", chan_rendezvous::run),
    ("chan_batch", chan_batch::run),
    ("select_2", select_2::run),
    ("select_8", select_8::run),
    ("mutex", mutex::run),
    ("semaphore", semaphore::run),
    ("rwlock", rwlock::run),
    ("cond_ping_pong", cond_ping_pong::run),
    ("barrier_100", barrier_100::run),
    ("waiters", waiters::run),
];

/// For tasks that only compute and wait for each other: without drivers, of which each would make a
/// worker that runs out of work look into the kernel.
fn runtime(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .build()
        .expect("a runtime")
}

/// With sockets and timers, as `#[tokio::main]` makes it.
fn runtime_with_drivers(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// Runs it as a task: block_on itself polls on the calling thread, which is no worker.
fn on_worker<F>(rt: &Runtime, work: F) -> F::Output
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    rt.block_on(async { tokio::spawn(work).await.expect("the work") })
}

fn figure(name: &str, unit: &str, value: f64) {
    println!("figure\t{name}\t{unit}\t{value:.6}");
}

/// For figures of one operation of n.
fn ns_since(start: Instant, n: u64) -> f64 {
    start.elapsed().as_nanos() as f64 / n as f64
}

/// User and system time of the process, in seconds.
fn cpu_s() -> f64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the call writes to what it is given, and nowhere else.
    let error = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut now) };
    assert_eq!(error, 0);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// What is resident, page tables included.
fn memory_bytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc/self/status");
    let mut kib = 0.0;
    for line in status.lines() {
        if line.starts_with("VmRSS:") || line.starts_with("VmPTE:") {
            kib += line
                .split_whitespace()
                .nth(1)
                .unwrap()
                .parse::<f64>()
                .unwrap();
        }
    }
    kib * 1024.0
}

/// Sorts the values.
fn percentile(values: &mut [f64], p: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[((values.len() as f64 * p) as usize).min(values.len() - 1)]
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
            let sum = run(
                option(&args, "--workers") as usize,
                option(&args, "--count"),
            );
            println!("sum\t{sum}");
        }
        None => usage(),
    }
}
