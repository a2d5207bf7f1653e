use std::env::var;

fn main() {
    println!("cargo::rerun-if-changed=native");
    cc::Build::new().file("native/plain.c").warnings_into_errors(true).compile("plain");
    cc::Build::new().cpp(true).std("c++17").file("native/rich.cpp").warnings_into_errors(true).compile("rich");
    let arch = var("CARGO_CFG_TARGET_ARCH").unwrap();
    cc::Build::new().file(format!("native/{arch}.S")).compile("assembled");
    let place = cmake::build("native");
    println!("cargo::rustc-link-search=native={}/lib", place.display());
    println!("cargo::rustc-link-lib=static=made");
}
