// SPDX-License-Identifier: MIT

//! The same server on tokio: a task for each connection. hello parses with httparse, hyper's parser,
//! and answers what one read brought by one write. pages.rs is the client.
//!
//!     peer_tokio echo|hello [--threads N] [--hogs N]
//!     peer_tokio pages --port N [--pages N] [--jobs N] [--threads N]

mod pages;

use std::io::Read;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!";

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = vec![0u8; 8192];
    loop {
        let n = stream.read(&mut buf).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buf[..n]).await?;
    }
}

/// How many whole requests stand at the start of `data`, and how many bytes they take.
fn parse(data: &[u8]) -> Option<(usize, usize)> {
    let (mut count, mut at) = (0, 0);
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&data[at..]) {
            Ok(httparse::Status::Complete(n)) => {
                at += n;
                count += 1;
            }
            Ok(httparse::Status::Partial) => return Some((count, at)),
            Err(_) => return None,
        }
    }
}

async fn hello(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buf = vec![0u8; 8192];
    let mut out = Vec::new();
    let mut have = 0;
    loop {
        let n = stream.read(&mut buf[have..]).await?;
        if n == 0 {
            return Ok(());
        }
        have += n;
        let (count, used) = match parse(&buf[..have]) {
            Some(found) => found,
            None => return Ok(()),
        };
        buf.copy_within(used..have, 0);
        have -= used;
        out.clear();
        for _ in 0..count {
            out.extend_from_slice(ANSWER);
        }
        stream.write_all(&out).await?;
    }
}

async fn hog() {
    loop {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(50) {}
    }
}

async fn serve(is_hello: bool, hogs: usize) -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("port {}", listener.local_addr()?.port());
    for _ in 0..hogs {
        tokio::spawn(hog());
    }
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        if is_hello {
            tokio::spawn(hello(stream));
        } else {
            tokio::spawn(echo(stream));
        }
    }
}

fn option(args: &[String], name: &str, fallback: usize) -> usize {
    match args.iter().position(|a| a == name) {
        Some(i) => args[i + 1].parse().expect(name),
        None => fallback,
    }
}

fn end_with_input() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() < 2 || !["echo", "hello", "pages"].contains(&args[1].as_str()) {
        eprintln!("peer_tokio echo|hello [--threads N] [--hogs N]");
        eprintln!("peer_tokio pages --port N [--pages N] [--jobs N] [--threads N]");
        std::process::exit(2);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(option(&args, "--threads", 1))
        .enable_all()
        .build()
        .expect("the runtime");
    let ended = if args[1] == "pages" {
        let port = option(&args, "--port", 0) as u16;
        let count = option(&args, "--pages", 1000);
        runtime.block_on(pages::fetch_all(port, count, option(&args, "--jobs", 256)))
    } else {
        end_with_input();
        runtime.block_on(serve(args[1] == "hello", option(&args, "--hogs", 0)))
    };
    if let Err(e) = ended {
        eprintln!("peer_tokio: {e}");
        std::process::exit(1);
    }
}
