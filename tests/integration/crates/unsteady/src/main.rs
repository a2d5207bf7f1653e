//! A program whose tables are in an order that nobody chose.

include!(concat!(env!("OUT_DIR"), "/seas.rs"));

fn main() {
    println!("{SEAS:?} {:?}", words::rivers!());
}
