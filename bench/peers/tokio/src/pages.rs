// SPDX-License-Identifier: MIT

//! The client of bench_pages: a task and a connection for each job, answers parsed by httparse.

use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const REQUEST: &[u8] = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// The lengths of the head and of the body behind it; None: the head is not whole yet.
fn parse(data: &[u8]) -> Result<Option<(usize, usize)>> {
    let bad = || Error::new(ErrorKind::InvalidData, "a bad answer");
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut answer = httparse::Response::new(&mut headers);
    let head = match answer.parse(data).map_err(|_| bad())? {
        httparse::Status::Complete(n) => n,
        httparse::Status::Partial => return Ok(None),
    };
    let length = answer
        .headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case("content-length"))
        .and_then(|h| std::str::from_utf8(h.value).ok()?.trim().parse().ok());
    match (answer.code, length) {
        (Some(200), Some(body)) => Ok(Some((head, body))),
        _ => Err(bad()),
    }
}

/// The length of the page.
async fn fetch_page(stream: &mut TcpStream, buf: &mut [u8]) -> Result<usize> {
    let mut have = 0;
    stream.write_all(REQUEST).await?;
    loop {
        let n = stream.read(&mut buf[have..]).await?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        have += n;
        match parse(&buf[..have])? {
            Some((head, body)) if have >= head + body => return Ok(body),
            _ => {}
        }
    }
}

async fn run_job(port: u16, count: usize) -> Result<usize> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    let mut buf = vec![0u8; 4096];
    let mut total = 0;
    stream.set_nodelay(true)?;
    for _ in 0..count {
        total += fetch_page(&mut stream, &mut buf).await?;
    }
    Ok(total)
}

pub async fn fetch_all(port: u16, count: usize, jobs: usize) -> Result<()> {
    let share = |first: usize| (first..count).step_by(jobs).count();
    let running: Vec<_> = (0..jobs)
        .map(|i| tokio::spawn(run_job(port, share(i))))
        .collect();
    let mut total = 0;
    for job in running {
        total += job.await.map_err(|e| Error::new(ErrorKind::Other, e))??;
    }
    println!("pages {count} bytes {total}");
    Ok(())
}
