//! Compiles C and C++ as the crate `cc` would: with the compilers and flags that the environment names for the target.

use std::{env, path::Path, process::Command};

fn main() {
    let target = env::var("TARGET").unwrap();
    let out = env::var("OUT_DIR").unwrap();
    for (kind, fallback, source) in [("C", "cc", "smoke.c"), ("CXX", "c++", "smoke.cpp")] {
        let compiler = setting(if kind == "C" { "CC" } else { "CXX" }, &target).unwrap_or(fallback.into());
        let flags = setting(&format!("{kind}FLAGS"), &target).unwrap_or_default();
        let object = Path::new(&out).join(source).with_extension(format!("{kind}.o"));
        let mut words = compiler.split_whitespace();
        let mut command = Command::new(words.next().unwrap());
        command.args(words).args(flags.split_whitespace());
        if target.contains("msvc") {
            command.args(["/nologo", "/EHsc", "/MD"]);
        } else {
            command.args(["-fPIC", "-O2"]);
        }
        let path = Path::new("native").join(source);
        let done = command.arg("-c").arg(path).arg("-o").arg(&object).status();
        assert!(done.expect(&compiler).success(), "{compiler} does not compile {source}");
        println!("cargo::rustc-link-arg-cdylib={}", object.display());
    }
    if target.contains("apple") {
        println!("cargo::rustc-link-lib=dylib=c++");
    } else if !target.contains("msvc") {
        println!("cargo::rustc-link-lib=dylib=stdc++");
    }
}

/// A variable for the target, as the crate `cc` looks for it.
fn setting(name: &str, target: &str) -> Option<String> {
    let key = target.replace('-', "_");
    let names = [format!("{name}_{target}"), format!("{name}_{key}"), format!("TARGET_{name}"), name.into()];
    names.iter().find_map(|name| env::var(name).ok())
}
