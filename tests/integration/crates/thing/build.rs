fn main() {
    println!("cargo::rerun-if-changed=native");
    cc::Build::new().file("native/asks.c").compile("asks");
}
