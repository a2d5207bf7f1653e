fn main() {
    println!("cargo::rerun-if-changed=src/where.c");
    cc::Build::new().file("src/where.c").compile("where");
}
