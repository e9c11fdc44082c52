//! The partition log on disks: what it promises, and what a crash may not take from it.

mod behaviour;
mod check;
mod compaction;
mod crash;
mod faults;
mod large;
mod life;
mod support;
mod together;
mod world;
