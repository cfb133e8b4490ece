//! Every folder has the same rooms, so that a reader who knows one knows all.

use super::source::{File, library};

/// Code in a `mod.rs` that is neither a module nor a re-export.
fn offences(file: &File) -> Vec<String> {
    if file.room() != "mod" {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut inside_use = false;
    for (number, line) in file.code.lines().enumerate() {
        let start = line.trim();
        let ends = start.ends_with(';');
        let is_map = ["mod ", "pub mod ", "pub(crate) mod ", "pub use ", "pub(crate) use ", "#["]
            .iter()
            .any(|kind| start.starts_with(kind));
        if !(start.is_empty() || is_map || inside_use) {
            found.push(file.at(number, line));
        }
        inside_use = !start.is_empty() && !start.starts_with("#[") && (is_map || inside_use) && !ends;
    }
    found
}

#[test]
fn a_mod_rs_holds_the_docs_and_the_map() {
    let found: Vec<_> = library().iter().flat_map(offences).collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn code_in_a_mod_rs_is_found_out() {
    let bad = File::new(
        "family/mod.rs",
        "//! Docs.\nmod a;\npub use a::{\n    B,\n};\nconst C: u8 = 1;\nfn f() {}\n",
    );
    assert_eq!(offences(&bad).len(), 2);
}

#[test]
fn a_folder_that_adapts_has_layer_service_and_future() {
    let library = library();
    let has =
        |folder: &str, room: &str| library.iter().any(|file| file.path == format!("{folder}/{room}.rs"));
    for folder in library.iter().filter_map(File::folder) {
        assert!(has(folder, "mod"), "src/{folder} has no map");
        if has(folder, "layer") {
            assert!(
                has(folder, "service") && has(folder, "future"),
                "src/{folder} adapts in other rooms than the rest"
            );
        }
    }
}

/// The names of the public layers of a file.
fn layers(file: &File) -> Vec<&str> {
    let names = file.code.lines().filter_map(|line| line.trim().strip_prefix("pub struct "));
    let names = names.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric()).next());
    names.filter(|name| name.ends_with("Layer")).collect()
}

#[test]
fn every_layer_is_under_the_contract() {
    for file in library() {
        for layer in layers(&file) {
            assert!(
                crate::contract::LAYERS.contains(&layer),
                "{layer} of src/{} is not under the contract: list it in tests/it/contract/mod.rs",
                file.path
            );
        }
    }
}

#[test]
fn a_layer_is_seen_where_it_stands() {
    let file = File::new(
        "family/layer.rs",
        "pub struct ThingLayer<P = ()> {\npub struct Thing;\npub struct OtherLayer;\n",
    );
    assert_eq!(layers(&file), ["ThingLayer", "OtherLayer"]);
}
