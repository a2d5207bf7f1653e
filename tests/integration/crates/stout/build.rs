fn main() {
    println!("cargo::rerun-if-changed=native");
    let place = cmake::build("native");
    println!("cargo::rustc-link-search=native={}/lib", place.display());
    println!("cargo::rustc-link-lib=static=parts");
    match std::env::var("CARGO_CFG_TARGET_OS").unwrap().as_str() {
        "windows" => {} // the headers of libc++ name their library
        _ => println!("cargo::rustc-link-lib=dylib=c++"),
    }
}
