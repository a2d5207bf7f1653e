//! An extension module that uses frameworks of macOS through the crates that popular projects use.

use pyo3::prelude::*;

#[cfg(target_os = "macos")]
#[pyfunction]
fn look() -> PyResult<(String, usize, String, bool)> {
    use core_foundation::string::CFString;
    use notify::{RecursiveMode, Watcher};
    use objc2_foundation::NSProcessInfo;
    use pyo3::exceptions::PyOSError;
    use system_configuration::network_configuration::get_interfaces;

    let said = |error: &dyn std::fmt::Display| PyOSError::new_err(error.to_string());
    let zone = iana_time_zone::get_timezone().map_err(|error| said(&error))?;
    let random = security_framework::random::SecRandom::default();
    let mut bytes = [0; 8];
    random.copy_bytes(&mut bytes)?;
    let mut watcher = notify::recommended_watcher(|_| ()).map_err(|error| said(&error))?;
    let watches = watcher.watch("/tmp".as_ref(), RecursiveMode::Recursive).is_ok();
    let name = NSProcessInfo::processInfo().processName();
    Ok((zone, get_interfaces().len() as usize, CFString::new(&name.to_string()).to_string(), watches))
}

#[pymodule]
fn frameworks(module: &Bound<'_, PyModule>) -> PyResult<()> {
    #[cfg(target_os = "macos")]
    module.add_function(wrap_pyfunction!(look, module)?)?;
    let _ = module;
    Ok(())
}
