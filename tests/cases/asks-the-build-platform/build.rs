fn main() {
    let mut build = cc::Build::new();
    build.file("c/mix.c");
    if cfg!(target_arch = "x86_64") {
        build.flag("-mavx2");
    }
    build.compile("mix");
}
