//! Moves bytes for many connections on one thread.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::Connection;

/// A broker that says nothing for so long has failed.
const SILENCE: Duration = Duration::from_secs(60);

/// What is sent, and what becomes of the answers. Answers of a connection come in the order of its requests.
pub trait Traffic {
    /// The next frame for this connection, if it is time for one. Asked until it says `None`.
    fn next(&mut self, connection: usize, now: Instant) -> Result<Option<Bytes>>;

    fn answer(&mut self, connection: usize, frame: Bytes, now: Instant) -> Result<()>;

    /// When [`Traffic::next`] may have something without an answer coming first.
    fn wake_at(&self) -> Option<Instant> {
        None
    }

    /// Everything was sent and answered.
    fn is_done(&self) -> bool;
}

/// Runs the traffic to its end.
pub fn run(connections: &mut [Connection], traffic: &mut impl Traffic) -> Result<()> {
    let mut last_answer = Instant::now();
    let mut ready: Vec<usize> = (0..connections.len()).collect();
    loop {
        let now = Instant::now();
        let all = traffic.wake_at().is_some_and(|at| at <= now);
        for (index, connection) in connections.iter_mut().enumerate() {
            if all || ready.contains(&index) {
                while let Some(frame) = traffic.next(index, now)? {
                    connection.queue(frame);
                }
                connection.write_ready()?;
            }
        }
        if traffic.is_done() {
            return Ok(());
        }
        wait(connections, traffic.wake_at(), &mut ready)?;
        for &index in &ready {
            if let Some(connection) = connections.get_mut(index) {
                connection.read_ready()?;
                let now = Instant::now();
                while let Some(frame) = connection.next_frame()? {
                    last_answer = now;
                    traffic.answer(index, frame, now)?;
                }
            }
        }
        if ready.is_empty() && last_answer.elapsed() > SILENCE {
            bail!("no answer in {} s", SILENCE.as_secs());
        }
    }
}

/// Waits until a socket or the clock has something; `ready` then names the sockets.
fn wait(connections: &[Connection], wake_at: Option<Instant>, ready: &mut Vec<usize>) -> Result<()> {
    let mut polled: Vec<PollFd<'_>> = connections
        .iter()
        .map(|c| PollFd::new(c, if c.is_writing() { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }))
        .collect();
    let patience = wake_at.map_or(SILENCE, |at| at.saturating_duration_since(Instant::now()));
    let timeout = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: patience.subsec_nanos().into() };
    match poll(&mut polled, Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    ready.clear();
    ready.extend(polled.iter().enumerate().filter(|(_, p)| !p.revents().is_empty()).map(|(index, _)| index));
    Ok(())
}
