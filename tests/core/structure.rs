//! The use graph of each crate: a top-level module uses only what is below it, and there is no circle.

use alloc::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What each top-level module uses.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Adds what the files below a directory use, each on behalf of the module that it is in. The root of a crate stands
/// above all its modules.
fn read(directory: &Path, module: Option<&str>, graph: &mut Graph) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let module = module.unwrap_or(&name);
        if path.is_dir() {
            read(&path, Some(module), graph);
        } else if path.extension().is_some_and(|end| end == "rs")
            && !["lib", "main", "tests"].contains(&name.as_str())
        {
            let uses = graph.entry(module.to_owned()).or_default();
            uses.extend(
                used(&fs::read_to_string(&path).unwrap())
                    .filter(|used| *used != module)
                    .map(String::from),
            );
        }
    }
}

/// The modules that a file names outside its tests and its comments.
fn used(source: &str) -> impl Iterator<Item = &str> {
    let code = source.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let paths = lines.flat_map(|line| line.split("crate::").skip(1));
    // Of `use crate::{Rewriter, bounds}` each name.
    let paths = paths.flat_map(|path| {
        path.strip_prefix('{').map_or(vec![path], |list| list.split(", ").collect())
    });
    let is_of_name = |c: char| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit();
    let names = paths.map(move |path| path.split(|c| !is_of_name(c)).next().unwrap_or_default());
    names.filter(|name| !name.is_empty())
}

/// A circle that starts at the last module of `way`.
fn circle(graph: &Graph, way: &mut Vec<String>) -> Option<String> {
    let last = way.last().unwrap().clone();
    for next in graph.get(&last).into_iter().flatten() {
        let known = way.iter().position(|known| known == next);
        way.push(next.clone());
        if let Some(start) = known {
            return Some(way.split_off(start).join(" -> "));
        }
        if let Some(circle) = circle(graph, way) {
            return Some(circle);
        }
        way.pop();
    }
    None
}

#[test]
fn no_module_uses_one_that_uses_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let graphs: BTreeMap<_, _> = crates
        .chain([root.to_owned()])
        .map(|directory| {
            let mut graph = Graph::new();
            read(&directory.join("src"), None, &mut graph);
            (directory, graph)
        })
        .collect();
    assert!(graphs.len() > 5 && graphs[root]["verify"].contains("key"), "{graphs:?}");
    for (directory, graph) in graphs {
        let circles = graph.keys().find_map(|module| circle(&graph, &mut vec![module.clone()]));
        assert_eq!(circles, None, "{}", directory.display());
    }
}

#[test]
fn a_circle_is_found() {
    let edge = |from: &str, to: &str| (from.to_owned(), BTreeSet::from([to.to_owned()]));
    let graph = Graph::from([edge("a", "b"), edge("b", "c"), edge("c", "b")]);
    assert_eq!(circle(&graph, &mut vec!["a".into()]).as_deref(), Some("b -> c -> b"));
    let source = "use crate::a::B;\n// crate::c\nlet x = crate::d_e::F;\nuse crate::{G, h, i::J};";
    assert_eq!(used(source).collect::<Vec<_>>(), ["a", "d_e", "h", "i"]);
}
