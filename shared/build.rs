//! Refinery's macro does not see a new migration until this crate is built anew.

fn main() {
    println!("cargo:rerun-if-changed=../migrations");
}
