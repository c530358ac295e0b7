//! Chores of this repository: `cargo xtask tidy` checks what the compiler cannot.
#![allow(clippy::print_stdout, reason = "a command line program: its findings are its output")]

mod architecture;
mod channels;
mod doors;
mod environment;
mod floors;
mod house;
mod lengths;
mod metrics;
mod names;
mod problem;
mod source;
mod spawns;
mod texts;
mod tidy;
mod tree;
mod unwraps;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy::run(),
        _ => {
            println!("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}
