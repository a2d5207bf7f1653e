//! An extension module of Rust, C and C++: what every image must be able to make before it gets its tag.

extern "C" {
    fn smoke_c(count: usize) -> usize;
    fn smoke_cpp(count: usize) -> usize;
}

#[no_mangle]
pub extern "C" fn PyInit_smoke() -> usize {
    let threads = std::thread::spawn(|| std::panic::catch_unwind(|| std::env::args().count()));
    let count = threads.join().map_or(0, |found| found.unwrap_or(0));
    unsafe { smoke_c(count) + smoke_cpp(count) }
}
