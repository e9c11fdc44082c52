//! The HTTP side door: health.
