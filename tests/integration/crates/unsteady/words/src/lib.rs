//! A macro that goes through a HashMap, as real ones have done.

use proc_macro::TokenStream;
use std::collections::HashMap;

/// The names of rivers, in the map's order.
#[proc_macro]
pub fn rivers(_: TokenStream) -> TokenStream {
    let lengths = HashMap::from([("Amazon", 6400), ("Danube", 2850), ("Ganges", 2510), ("Nile", 6650), ("Volga", 3530)]);
    let names: Vec<String> = lengths.keys().map(|name| format!("{name:?}")).collect();
    format!("[{}]", names.join(", ")).parse().unwrap()
}
