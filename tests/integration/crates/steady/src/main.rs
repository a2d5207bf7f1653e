//! A program with C in it, whose bytes must not go by where or when it is built.

use std::ffi::{c_char, c_uint, CStr};

extern "C" {
    fn where_am_i() -> *const c_char;
    fn direction(turns: c_uint) -> *const c_char;
}

fn main() {
    let turns = std::env::args().count() as c_uint;
    // SAFETY: both return literals of the C file
    let (place, name) = unsafe { (CStr::from_ptr(where_am_i()), CStr::from_ptr(direction(turns))) };
    println!("{place:?} {name:?} {} {}", file!(), env!("CARGO_MANIFEST_DIR"));
}
