//! Record batches (magic 2) as bytes: looked at in place, patched in place, rarely decoded.
