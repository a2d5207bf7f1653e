use std::process::Command;

fn main() {
    let done = Command::new("curl").args(["-fsSL", "https://example.invalid/ui.zip"]).status().unwrap();
    assert!(done.success(), "no user interface");
}
