//! The partition log on disks: what it promises, and what a crash may not take from it.

mod behaviour;
mod crash;
mod support;
mod world;
