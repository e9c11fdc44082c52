//! The five codecs of record batches. Encoders write what Java clients expect; decoders accept what Java and C clients
//! write, never give more than the caller's limit, and never allocate by a size they were merely told.

use std::io::{Read, Write};

use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use zstd::zstd_safe::{self, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use crate::records::codec::{Codec, Compression};
use crate::records::error::RecordsError;
use crate::records::{lz4, snappy};

/// What a [`Scratch`] keeps between batches; a larger batch's memory is given back.
const SCRATCH_KEPT_BYTES: usize = 4 << 20;
/// Output room to begin with, as a multiple of the input: most batches shrink less than this.
const FIRST_GUESS_RATIO: usize = 8;
const FIRST_GUESS_MIN_BYTES: usize = 16 << 10;
/// Windows up to 8 MiB are always read; the largest is what zstd itself allows unasked.
const WINDOW_LOG_MIN: u32 = 23;
const WINDOW_LOG_MAX: u32 = 27;

/// Memory reused from batch to batch by a decompressing caller. One for each thread.
#[derive(Default)]
pub struct Scratch {
    out: Vec<u8>,
    zstd: Option<DCtx<'static>>,
}

impl Scratch {
    pub fn new() -> Scratch {
        Scratch::default()
    }

    /// The records of a batch, uncompressed: `payload` itself where it is not compressed.
    pub fn records<'a>(
        &'a mut self,
        codec: Codec,
        payload: &'a [u8],
        limit_bytes: usize,
    ) -> Result<&'a [u8], RecordsError> {
        self.trim();
        self.out.clear();
        match codec {
            Codec::None => return Ok(payload),
            Codec::Gzip => gunzip(payload, limit_bytes, &mut self.out)?,
            Codec::Snappy => snappy::decode(payload, limit_bytes, &mut self.out)?,
            Codec::Lz4 => lz4::decode(payload, limit_bytes, &mut self.out)?,
            Codec::Zstd => self.unzstd(payload, limit_bytes)?,
        }
        Ok(&self.out)
    }

    /// Gives back what an unusually large batch took.
    pub fn trim(&mut self) {
        if self.out.capacity() > SCRATCH_KEPT_BYTES {
            self.out = Vec::new();
        }
        if self.zstd.as_ref().is_some_and(|context| context.sizeof() > SCRATCH_KEPT_BYTES) {
            self.zstd = None;
        }
    }

    fn unzstd(&mut self, input: &[u8], limit_bytes: usize) -> Result<(), RecordsError> {
        if self.zstd.is_none() {
            self.zstd = DCtx::try_create();
        }
        let context = self.zstd.as_mut().ok_or(failed(Codec::Zstd, "no memory"))?;
        let done = unzstd(context, input, limit_bytes, &mut self.out);
        if done.is_err() {
            self.zstd = None;
        }
        done
    }
}

/// Appends `records`, compressed, to `out`.
pub fn compress(how: Compression, records: &[u8], out: &mut Vec<u8>) -> Result<(), RecordsError> {
    match how {
        Compression::None => out.extend_from_slice(records),
        Compression::Gzip { level } => {
            let level = match u32::try_from(level) {
                Ok(level) => flate2::Compression::new(level.min(9)),
                Err(_) => flate2::Compression::default(),
            };
            let mut encoder = GzEncoder::new(out, level);
            encoder.write_all(records).map_err(|_| failed(Codec::Gzip, "cannot encode"))?;
            encoder.finish().map_err(|_| failed(Codec::Gzip, "cannot encode"))?;
        }
        Compression::Snappy => snappy::encode(records, out)?,
        Compression::Lz4 { .. } => lz4::encode(records, out)?,
        // In one shot, so that the frame says its content's size, which C clients allocate by.
        Compression::Zstd { level } => {
            let frame = zstd::bulk::compress(records, level).map_err(|_| failed(Codec::Zstd, "cannot encode"))?;
            out.extend_from_slice(&frame);
        }
    }
    Ok(())
}

/// As Java's reader: members follow one another, and what follows the last and is no member is passed over.
fn gunzip(mut input: &[u8], limit_bytes: usize, out: &mut Vec<u8>) -> Result<(), RecordsError> {
    out.reserve(first_guess(input, limit_bytes));
    let mut is_first = true;
    loop {
        let mut member = GzDecoder::new(input);
        if member.header().is_none() {
            return if is_first { Err(failed(Codec::Gzip, "no gzip header")) } else { Ok(()) };
        }
        is_first = false;
        let room = limit_bytes.saturating_sub(out.len()) as u64;
        (&mut member).take(room + 1).read_to_end(out).map_err(|_| failed(Codec::Gzip, "damaged"))?;
        within(out, limit_bytes)?;
        input = member.into_inner();
        if input.is_empty() {
            return Ok(());
        }
    }
}

fn unzstd(
    context: &mut DCtx<'static>,
    input: &[u8],
    limit_bytes: usize,
    out: &mut Vec<u8>,
) -> Result<(), RecordsError> {
    let damaged = |_| failed(Codec::Zstd, "damaged");
    context.reset(ResetDirective::SessionOnly).map_err(damaged)?;
    // A window much larger than all the output allowed would only cost memory.
    let window_log = (usize::BITS - limit_bytes.leading_zeros()).clamp(WINDOW_LOG_MIN, WINDOW_LOG_MAX);
    context.set_parameter(DParameter::WindowLogMax(window_log)).map_err(damaged)?;
    let declared = zstd_safe::get_frame_content_size(input).ok().flatten().unwrap_or(0);
    // With room for the whole frame zstd decodes straight into it, without a window of its own.
    let guess = first_guess(input, limit_bytes);
    out.reserve(if declared <= 4 * guess as u64 { guess.max(declared as usize) } else { guess });
    let end = input.len();
    let mut input = InBuffer::around(input);
    // What zstd answers: 0 when a frame has just ended, else a hint of how much more it wants.
    let mut wanted = 0;
    loop {
        if wanted == 0 && input.pos() == end {
            return Ok(());
        }
        if out.len() == out.capacity() {
            out.reserve_exact(out.len().max(FIRST_GUESS_MIN_BYTES).min(limit_bytes - out.len() + 1));
        }
        let at = out.len();
        let before = (input.pos(), at);
        wanted = context.decompress_stream(&mut OutBuffer::around_pos(out, at), &mut input).map_err(damaged)?;
        within(out, limit_bytes)?;
        if before == (input.pos(), out.len()) {
            return Err(failed(Codec::Zstd, "ends too early"));
        }
    }
}

fn first_guess(input: &[u8], limit_bytes: usize) -> usize {
    input.len().saturating_mul(FIRST_GUESS_RATIO).max(FIRST_GUESS_MIN_BYTES).min(limit_bytes)
}

pub(super) fn within(out: &[u8], limit_bytes: usize) -> Result<(), RecordsError> {
    if out.len() > limit_bytes { Err(RecordsError::TooLarge { limit_bytes }) } else { Ok(()) }
}

pub(super) fn failed(codec: Codec, reason: &'static str) -> RecordsError {
    RecordsError::Decompress { codec, reason }
}

#[cfg(test)]
mod tests;
