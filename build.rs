//! How the broker's binary is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |variable: &str, value: &str| std::env::var(variable).is_ok_and(|it| it == value);
    // A position-independent executable has each of its tables of pointers corrected when it is started, a page fault
    // for every page of them: a fifth of an empty start. Libraries, stacks and heap stay where chance puts them.
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && is("CARGO_CFG_TARGET_ARCH", "x86_64")
    {
        println!("cargo::rustc-link-arg-bin=ottla=-no-pie");
    }
}
