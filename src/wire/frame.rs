//! Frames: a size of four bytes, then that many bytes. Pure; the connection does the reading.

use bytes::{Buf, Bytes, BytesMut};

/// Bytes of the size before each frame.
pub const SIZE_BYTES: usize = 4;

/// The size says that what follows is no Kafka request. Nothing after it can be trusted, so the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("frame size {0} is not positive")]
    NotPositive(i32),
    #[error("frame of {size_bytes} bytes is over the limit of {max_bytes}")]
    TooLarge { size_bytes: usize, max_bytes: usize },
}

/// Cuts frames out of a read buffer, refusing sizes over `socket.request.max.bytes`.
#[derive(Clone, Copy, Debug)]
pub struct FrameSplitter {
    max_bytes: usize,
}

impl FrameSplitter {
    pub fn new(max_bytes: usize) -> Self {
        FrameSplitter { max_bytes }
    }

    /// The next whole frame without its size, sharing the buffer's memory; `None` while it is incomplete.
    pub fn next(&self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
        match self.size(buffer)? {
            Some(size) if buffer.len() - SIZE_BYTES >= size => {
                buffer.advance(SIZE_BYTES);
                Ok(Some(buffer.split_to(size).freeze()))
            }
            _ => Ok(None),
        }
    }

    /// Bytes that must still come until the frame at the front is whole: how much to reserve before reading on.
    /// Before the size is known it is what the size lacks.
    pub fn missing(&self, buffer: &[u8]) -> Result<usize, FrameError> {
        Ok(match self.size(buffer)? {
            Some(size) => (SIZE_BYTES + size).saturating_sub(buffer.len()),
            None => SIZE_BYTES - buffer.len(),
        })
    }

    fn size(&self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some(size) = buffer.first_chunk::<SIZE_BYTES>() else { return Ok(None) };
        let size = i32::from_be_bytes(*size);
        if size <= 0 {
            return Err(FrameError::NotPositive(size));
        }
        let size_bytes = size as usize;
        if size_bytes > self.max_bytes {
            return Err(FrameError::TooLarge { size_bytes, max_bytes: self.max_bytes });
        }
        Ok(Some(size_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(bytes: &[u8]) -> BytesMut {
        BytesMut::from(bytes)
    }

    #[test]
    fn frames_come_out_whole_and_in_order_however_the_bytes_arrive() {
        let splitter = FrameSplitter::new(10);
        let stream = [0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3, 0, 0];
        let mut held = BytesMut::new();
        let mut frames = Vec::new();
        for byte in stream {
            held.extend_from_slice(&[byte]);
            frames.extend(splitter.next(&mut held).unwrap());
        }
        assert_eq!(frames, [Bytes::from_static(&[1, 2]), Bytes::from_static(&[3])]);
        assert_eq!(held, [0u8, 0][..]);
    }

    #[test]
    fn the_limit_itself_is_a_frame_and_one_more_is_not() {
        let splitter = FrameSplitter::new(3);
        assert_eq!(splitter.next(&mut buffer(&[0, 0, 0, 3, 7, 8, 9])).unwrap().unwrap(), [7u8, 8, 9][..]);
        assert_eq!(
            splitter.next(&mut buffer(&[0, 0, 0, 4])),
            Err(FrameError::TooLarge { size_bytes: 4, max_bytes: 3 })
        );
    }

    #[test]
    fn sizes_that_are_not_positive_end_the_connection() {
        let splitter = FrameSplitter::new(100);
        assert_eq!(splitter.next(&mut buffer(&[0, 0, 0, 0, 1])), Err(FrameError::NotPositive(0)));
        assert_eq!(splitter.next(&mut buffer(&[255; 4])), Err(FrameError::NotPositive(-1)));
        assert!(splitter.next(&mut buffer(b"GET / HTTP/1.1")).unwrap_err().to_string().contains("over"));
    }

    #[test]
    fn missing_says_how_much_is_to_come() {
        let splitter = FrameSplitter::new(100);
        assert_eq!(splitter.missing(&[]), Ok(4));
        assert_eq!(splitter.missing(&[0, 0, 0]), Ok(1));
        assert_eq!(splitter.missing(&[0, 0, 0, 5, 1]), Ok(4));
        assert_eq!(splitter.missing(&[0, 0, 0, 1, 1, 2]), Ok(0));
    }

    #[test]
    fn a_frame_is_a_slice_of_the_buffer() {
        let mut held = buffer(&[0, 0, 0, 2, 1, 2]);
        let at = held.as_ptr() as usize + SIZE_BYTES;
        let frame = FrameSplitter::new(10).next(&mut held).unwrap().unwrap();
        assert_eq!(frame.as_ptr() as usize, at);
    }
}
