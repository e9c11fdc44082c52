//! File regions to sockets: straight from the page cache where the system can, by reading where it cannot.
//!
//! `sendfile` of a region that is not in the page cache would stall the network worker on the disk, so such a region
//! is read ahead on a blocking thread first.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::Bytes;
#[cfg(target_os = "linux")]
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::api::Piece;
use crate::disk::DiskFile;

/// Below this, copying a region beside its neighbours is cheaper than a system call of its own.
const SMALL_BYTES: usize = 16 * 1024;
/// Sent in one go, so that one slow consumer does not hold a worker.
const SLICE_BYTES: usize = 1024 * 1024;

/// Turns a small file region into bytes, so that it leaves in the same write as what stands around it.
pub(super) async fn small_in_memory(piece: Piece) -> io::Result<Piece> {
    match piece {
        Piece::File { file, position, len } if len <= SMALL_BYTES || file.descriptor().is_none() => {
            let bytes = match read_cached(&*file, position, len) {
                Some(bytes) => bytes,
                None => blocking(move || read_whole(&*file, position, len)).await?,
            };
            Ok(Piece::Bytes(bytes))
        }
        piece => Ok(piece),
    }
}

/// The region, if reading it waits for no disk.
#[cfg(target_os = "linux")]
fn read_cached(file: &dyn DiskFile, position: u64, len: usize) -> Option<Bytes> {
    use rustix::io::{ReadWriteFlags, preadv2};
    let Some(fd) = file.descriptor() else { return read_whole(file, position, len).ok() };
    let mut bytes = vec![0; len];
    let read = preadv2(fd, &mut [io::IoSliceMut::new(&mut bytes)], position, ReadWriteFlags::NOWAIT);
    (read == Ok(len)).then(|| bytes.into())
}

#[cfg(not(target_os = "linux"))]
fn read_cached(_file: &dyn DiskFile, _position: u64, _len: usize) -> Option<Bytes> {
    None
}

fn read_whole(file: &dyn DiskFile, position: u64, len: usize) -> io::Result<Bytes> {
    let mut bytes = vec![0; len];
    let mut done = 0;
    while done < len {
        match file.read_at(&mut bytes[done..], position + done as u64)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => done += n,
        }
    }
    Ok(bytes.into())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// Writes what the socket takes without waiting. Where a file region follows, the bytes wait for it, so that both leave
/// in the same packets.
pub(super) fn some_bytes(stream: &TcpStream, slices: &[IoSlice<'_>], file_follows: bool) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    if file_follows {
        use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        return stream
            .try_io(Interest::WRITABLE, || Ok(sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), flags)?));
    }
    let _ = file_follows;
    stream.try_write_vectored(slices)
}

/// Sends one region, waiting for the socket as needed.
pub(super) async fn file_region(
    stream: &TcpStream,
    file: Arc<dyn DiskFile>,
    mut position: u64,
    len: usize,
) -> io::Result<()> {
    let end = position + len as u64;
    while position < end {
        let slice = ((end - position) as usize).min(SLICE_BYTES);
        if !is_cached(&*file, position, slice) {
            let (file, from) = (file.clone(), position);
            blocking(move || read_ahead(&*file, from, slice)).await?;
        }
        let slice_end = position + slice as u64;
        while position < slice_end {
            let sent = send_some(stream, &file, position, (slice_end - position) as usize).await?;
            if sent == 0 {
                // The file was cut under us: the promised length cannot be kept.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            position += sent as u64;
        }
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
async fn send_some(stream: &TcpStream, file: &Arc<dyn DiskFile>, position: u64, len: usize) -> io::Result<usize> {
    loop {
        stream.writable().await?;
        let attempt = stream.try_io(Interest::WRITABLE, || {
            let fd = file.descriptor().ok_or(io::ErrorKind::Unsupported)?;
            let mut offset = position;
            Ok(rustix::fs::sendfile(stream, fd, Some(&mut offset), len)?)
        });
        match attempt {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

#[cfg(not(target_os = "linux"))]
async fn send_some(stream: &TcpStream, file: &Arc<dyn DiskFile>, position: u64, len: usize) -> io::Result<usize> {
    let file = file.clone();
    let bytes = blocking(move || read_whole(&*file, position, len.min(128 * 1024))).await?;
    loop {
        stream.writable().await?;
        match stream.try_write(&bytes) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

/// Whether the region's last page can be read without waiting; read-ahead makes it speak for those before it.
#[cfg(target_os = "linux")]
fn is_cached(file: &dyn DiskFile, position: u64, len: usize) -> bool {
    use rustix::io::{ReadWriteFlags, preadv2};
    let Some(fd) = file.descriptor() else { return true };
    let probe = |at: u64| {
        let mut byte = [0u8];
        let mut slices = [io::IoSliceMut::new(&mut byte)];
        !matches!(preadv2(fd, &mut slices, at, ReadWriteFlags::NOWAIT), Err(rustix::io::Errno::AGAIN))
    };
    len == 0 || (probe(position + len as u64 - 1) && probe(position))
}

#[cfg(not(target_os = "linux"))]
fn is_cached(_file: &dyn DiskFile, _position: u64, _len: usize) -> bool {
    true
}

fn read_ahead(file: &dyn DiskFile, position: u64, len: usize) -> io::Result<()> {
    let mut scratch = vec![0; len.min(256 * 1024)];
    let mut done = 0;
    while done < len {
        let want = scratch.len().min(len - done);
        match file.read_at(&mut scratch[..want], position + done as u64)? {
            0 => break,
            n => done += n,
        }
    }
    Ok(())
}
