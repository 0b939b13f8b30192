//! What a test tells the harness with a request.

use std::collections::HashMap;

use http::HeaderMap;

/// The header fields `x-test-...` of a request.
pub(crate) struct Told(HashMap<String, String>);

impl Told {
    /// Takes them, and those that only an edge may set.
    pub(crate) fn take(headers: &mut HeaderMap) -> Self {
        let is_ours =
            |name: &str| ["x-test-", "mf-", "cf-"].iter().any(|start| name.starts_with(start));
        let names: Vec<_> = headers.keys().filter(|name| is_ours(name.as_str())).cloned().collect();
        let mut told = HashMap::new();
        for name in names {
            let value = headers.remove(&name);
            if let (Some(name), Some(value)) = (name.as_str().strip_prefix("x-test-"), value) {
                told.insert(name.into(), String::from_utf8_lossy(value.as_bytes()).into_owned());
            }
        }
        Self(told)
    }

    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// A number, or 0.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.of(name).and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// The line about a panic. Of its place it says nothing, which changes with the code.
pub(crate) fn panicked(_: &std::panic::PanicHookInfo<'_>) -> String {
    r#"{"decision":"error","reason":"gate_panicked"}"#.into()
}
