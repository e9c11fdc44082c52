//! Loopback: files sent from the page cache, and small messages to and fro. The receiver reads as the load generator
//! does: one thread, reads of 256 KiB.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::RecvFlags;

use super::Moved;
use crate::load::latency::Latency;
use crate::process::usage::own_thread_cpu;

const SLICE_BYTES: usize = 1 << 20;
const READ_BYTES: usize = 256 << 10;

/// Sends `bytes` of a cached file, shared among so many receivers, and counts the senders' CPU.
pub fn sendfile(dir: &Path, bytes: u64, receivers: usize) -> Result<Moved> {
    let path = dir.join("limit.bin");
    let each = (bytes / receivers as u64 / SLICE_BYTES as u64).max(1) * SLICE_BYTES as u64;
    fs::write(&path, vec![0x5a_u8; each as usize])?;
    let pairs: Vec<(TcpStream, TcpStream)> = (0..receivers).map(|_| pair()).collect::<Result<_>>()?;
    let (senders, readers): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let begin = Instant::now();
    let threads: Vec<_> = senders
        .into_iter()
        .map(|socket| {
            let file = File::open(&path);
            thread::spawn(move || send(socket, &file?, each))
        })
        .collect();
    receive(&readers)?;
    let took = begin.elapsed();
    let mut cpu = Duration::ZERO;
    for thread in threads {
        cpu += thread.join().ok().context("a sender panicked")??;
    }
    fs::remove_file(path)?;
    Ok(Moved { bytes: each * receivers as u64, steps: receivers as u64, took, cpu })
}

fn send(socket: TcpStream, file: &File, bytes: u64) -> Result<Duration> {
    let begin = own_thread_cpu();
    let mut at = 0;
    while at < bytes {
        rustix::fs::sendfile(&socket, file, Some(&mut at), SLICE_BYTES)?;
    }
    Ok(own_thread_cpu().saturating_sub(begin))
}

fn receive(sockets: &[TcpStream]) -> Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    let mut open: Vec<&TcpStream> = sockets.iter().collect();
    while !open.is_empty() {
        let mut polled: Vec<_> = open.iter().map(|s| PollFd::new(*s, PollFlags::IN)).collect();
        poll(&mut polled, None)?;
        let ready: Vec<bool> = polled.iter().map(|p| !p.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        open.retain(|socket| {
            if !ready.next().unwrap_or(false) {
                return true;
            }
            !matches!(rustix::net::recv(socket, buffer.as_mut_slice(), RecvFlags::DONTWAIT), Ok((0, _)))
        });
    }
    Ok(())
}

/// Round trips of small messages between two threads, one after the other.
pub fn ping_pong(bytes: usize, rounds: usize) -> Result<Latency> {
    round_trips(bytes, rounds, |_| Instant::now())
}

/// The same at a fixed rate: both threads sleep in between, and each trip counts from when it was due.
pub fn paced_ping(bytes: usize, interval: Duration, rounds: usize) -> Result<Latency> {
    let start = Instant::now() + interval;
    round_trips(bytes, rounds, |round| {
        let due = start + interval * round as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        due
    })
}

fn round_trips(bytes: usize, rounds: usize, begin: impl Fn(usize) -> Instant) -> Result<Latency> {
    let (mut near, mut far) = pair()?;
    let echo = thread::spawn(move || -> std::io::Result<()> {
        let mut buffer = vec![0; bytes];
        while far.read_exact(&mut buffer).is_ok() {
            far.write_all(&buffer)?;
        }
        Ok(())
    });
    let mut buffer = vec![0; bytes];
    let mut latency = Latency::new()?;
    for round in 0..rounds {
        let begin = begin(round);
        near.write_all(&buffer)?;
        near.read_exact(&mut buffer)?;
        latency.record(begin.elapsed());
    }
    drop(near);
    echo.join().ok().context("the echo panicked")??;
    Ok(latency)
}

fn pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    Ok((near, far))
}
