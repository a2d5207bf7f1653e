//! A program that needs a framework which only an SDK of one's own has, for Rust and for C.

#[link(name = "Thing", kind = "framework")]
extern "C" {
    fn thing_name() -> i32;
}

extern "C" {
    fn asks() -> i32;
}

fn main() {
    // SAFETY: both take nothing
    println!("{}", unsafe { thing_name() + asks() });
}
