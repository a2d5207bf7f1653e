fn main() {
    std::fs::write("src/generated.rs", "pub const ANSWER: i32 = 42;").unwrap();
}
