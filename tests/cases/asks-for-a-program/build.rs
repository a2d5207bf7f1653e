use std::process::Command;

fn main() {
    let done = Command::new("flex").arg("--version").status().expect("flex cannot be run");
    assert!(done.success());
}
