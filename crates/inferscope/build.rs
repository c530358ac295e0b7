//! The web pages are part of the binary: built anew, they make it new.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
