//! The machine under time that only tests move, with a driver as plain as can be.

mod beats;
mod commits;
mod consumers;
mod harness;
mod joining;
mod migrating;
mod mixed;
mod random;
mod statics;
mod topics;
