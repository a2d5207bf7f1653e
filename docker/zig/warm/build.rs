//! Links C and C++ as cmake does when it looks at a compiler: with symbols, which is another library to zig.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rustc-link-lib=dylib=c++");
    let target = env::var("TARGET").unwrap().replace('-', "_");
    let out = env::var("OUT_DIR").unwrap();
    for (variable, source) in [("CC", "program.c"), ("CXX", "program.cpp")] {
        let compiler = env::var(format!("{variable}_{target}")).unwrap();
        let program = Path::new(&out).join("program");
        let done = Command::new(&compiler).args([source, "-o"]).arg(program).status();
        assert!(done.unwrap().success());
    }
}
