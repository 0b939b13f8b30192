//! Presentations through dash-mpd-core.

use serde_json::Value;
use url::Url;

use crate::asked::Address;

/// An MPD as dash-mpd-core reads it.
pub struct Mpd {
    tree: Value,
    /// All of it but the addresses.
    pub shape: Value,
}

/// Elements whose text is an address.
const ELEMENTS: [&str; 3] = ["BaseURL", "Location", "PatchLocation"];
/// Elements that say where segments are, and hold for everything below their parent.
const SEGMENTS: [&str; 3] = ["SegmentBase", "SegmentList", "SegmentTemplate"];
const ATTRIBUTES: [&str; 6] =
    ["@index", "@initialization", "@media", "@sourceURL", "@bitstreamSwitching", "@xlink:href"];

pub fn read(mpd: &str) -> Mpd {
    try_read(mpd).unwrap()
}

/// `None` where dash-mpd-core cannot read it.
pub fn try_read(mpd: &str) -> Option<Mpd> {
    let tree = serde_json::to_value(dash_mpd_core::parse(mpd).ok()?).ok()?;
    let mut shape = tree.clone();
    blank("", &mut shape);
    Some(Mpd { tree, shape })
}

fn blank(name: &str, value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| blank(name, value)),
        Value::Object(members) => {
            for (key, value) in members {
                let is_text = key == "$text" && ELEMENTS.contains(&name);
                if value.is_string() && (is_text || ATTRIBUTES.contains(&key.as_str())) {
                    *value = Value::Null;
                } else {
                    blank(key, value);
                }
            }
        }
        _ => {}
    }
}

impl Mpd {
    /// Every address, as often as there are bases that it is relative to.
    pub fn addresses(&self, document: &Url) -> Vec<Address> {
        let mut found = Vec::new();
        walk(document, &self.tree, core::slice::from_ref(document), &[], &mut found);
        found
    }

    /// The same as some players read it: not from the address of the MPD on, but from where it is to be
    /// found next.
    pub fn by_location(&self, document: &Url) -> Vec<Address> {
        let mut found = Vec::new();
        let locations = texts(&self.tree["Location"]).filter_map(|at| document.join(at).ok());
        let bases: Vec<_> = locations.collect();
        if !bases.is_empty() {
            walk(document, &self.tree, &bases, &[], &mut found);
        }
        found
    }
}

/// `bases` are those of the element's parent; `inherited` are addresses of segments from above.
fn walk(
    document: &Url,
    element: &Value,
    bases: &[Url],
    inherited: &[String],
    out: &mut Vec<Address>,
) {
    let mut add = |base: &Url, reference: &str| {
        out.push(Address { base: base.clone(), reference: reference.to_owned() });
    };
    if let Some(address) = element["@xlink:href"].as_str() {
        bases.iter().for_each(|base| add(base, address));
    }
    for name in ["Location", "PatchLocation"] {
        texts(&element[name]).for_each(|address| add(document, address));
    }
    let mut own = Vec::new();
    for base in bases {
        for address in texts(&element["BaseURL"]) {
            add(base, address);
            own.extend(base.join(address));
        }
    }
    let bases = if texts(&element["BaseURL"]).next().is_none() { bases } else { &own };

    let mut segments = inherited.to_vec();
    for name in SEGMENTS {
        collect(&element[name], &mut segments);
    }
    let below: Vec<_> = ["Period", "AdaptationSet", "Representation"]
        .iter()
        .filter_map(|name| element[*name].as_array())
        .flatten()
        .collect();
    if below.is_empty() {
        for base in bases {
            segments.iter().for_each(|address| add(base, &fill(address)));
        }
    }
    for child in below {
        walk(document, child, bases, &segments, out);
    }
}

fn texts(elements: &Value) -> impl Iterator<Item = &str> {
    elements.as_array().into_iter().flatten().filter_map(|element| element["$text"].as_str())
}

/// The addresses in a segment element.
fn collect(element: &Value, out: &mut Vec<String>) {
    match element {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, out)),
        Value::Object(members) => {
            for (key, value) in members {
                match value.as_str() {
                    Some(address) if ATTRIBUTES.contains(&key.as_str()) => out.push(address.into()),
                    _ => collect(value, out),
                }
            }
        }
        _ => {}
    }
}

/// Puts something in for the identifiers of a template: what cannot be a part of a scheme, as the
/// rewriter does not take `$Number$:a` for one.
pub fn fill(template: &str) -> String {
    let parts: Vec<_> = template.split('$').collect();
    let filled = parts.iter().enumerate().map(|(n, part)| match part {
        part if n % 2 == 0 => *part,
        &"" => "$",
        &"RepresentationID" => "sd_1",
        _ => "0_42",
    });
    filled.collect()
}
