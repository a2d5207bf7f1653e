//! A program with C++ that cmake builds, optimised as a whole, that ends where it panics.

extern "C" {
    fn parts(number: i32) -> i32;
}

fn main() {
    let number = std::env::args().count() as i32;
    // SAFETY: it throws nothing across the border
    let found = unsafe { parts(number) };
    assert!(found > 0, "{number} gives {found}");
    println!("{found}");
}
