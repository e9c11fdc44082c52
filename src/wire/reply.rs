//! An encoded answer: bytes, with regions of files between them that are never copied on the way.

use bytes::Bytes;

/// A part of an answer. `F` is the caller's handle on a file; this module does no reading.
#[derive(Clone, Debug)]
pub enum Piece<F> {
    Bytes(Bytes),
    File { file: F, position: u64, len: usize },
}

impl<F> Piece<F> {
    pub fn len(&self) -> usize {
        match self {
            Piece::Bytes(bytes) => bytes.len(),
            Piece::File { len, .. } => *len,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A framed answer, size included. Nearly all are one run of bytes, which costs no list.
#[derive(Clone, Debug)]
pub struct Reply<F> {
    first: Bytes,
    rest: Vec<Piece<F>>,
}

impl<F> Reply<F> {
    /// An answer that is one run of bytes.
    pub fn whole(bytes: Bytes) -> Self {
        Reply { first: bytes, rest: Vec::new() }
    }

    /// An answer that goes on after its first bytes.
    pub fn pieces(first: Bytes, rest: Vec<Piece<F>>) -> Self {
        Reply { first, rest }
    }

    /// Bytes on the wire.
    pub fn len(&self) -> usize {
        self.first.len() + self.rest.iter().map(Piece::len).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the answer begins with, framing included.
    pub fn first(&self) -> &Bytes {
        &self.first
    }

    /// The same answer with another beginning, which must be as long.
    pub fn map_first(self, change: impl FnOnce(Bytes) -> Bytes) -> Self {
        Reply { first: change(self.first), rest: self.rest }
    }

    /// The bytes, if no file takes part and nothing follows the first run.
    pub fn as_whole(&self) -> Option<&Bytes> {
        self.rest.is_empty().then_some(&self.first)
    }

    /// The pieces in the order they are sent.
    pub fn into_pieces(self) -> impl Iterator<Item = Piece<F>> {
        std::iter::once(Piece::Bytes(self.first)).chain(self.rest)
    }
}

impl<F> From<Bytes> for Reply<F> {
    fn from(bytes: Bytes) -> Self {
        Reply::whole(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_and_add_up() {
        let reply = Reply::pieces(
            Bytes::from_static(b"head"),
            vec![Piece::File { file: "log", position: 100, len: 20 }, Piece::Bytes(Bytes::from_static(b"tail"))],
        );
        assert_eq!(reply.len(), 28);
        assert!(reply.as_whole().is_none());
        let lengths: Vec<usize> = reply.into_pieces().map(|piece| piece.len()).collect();
        assert_eq!(lengths, [4, 20, 4]);
    }

    #[test]
    fn a_whole_answer_is_one_piece() {
        let reply: Reply<()> = Bytes::from_static(b"all").into();
        assert_eq!(reply.as_whole().unwrap(), &b"all"[..]);
        assert_eq!(reply.into_pieces().count(), 1);
    }
}
