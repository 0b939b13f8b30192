//! The vectors of `tests/vectors`, one file for each format. The answers in them were written down by hand,
//! and the signatures made, by the independent implementation beside them.

#![allow(dead_code, reason = "not every test uses all of it")]

use serde_json::Value;

/// The vectors of a format.
pub(crate) struct File {
    pub(crate) format: &'static str,
    /// The text of the key ring of all vectors that have none of their own.
    keys: String,
    pub(crate) vectors: Vec<Value>,
    /// The fewest that say a link to sign.
    fewest_signed: usize,
}

impl File {
    /// The text of a vector's key ring.
    pub(crate) fn keys<'v>(&'v self, vector: &'v Value) -> &'v str {
        vector["keys"].as_str().unwrap_or(&self.keys)
    }

    /// The vectors that say a link to sign.
    pub(crate) fn signed(&self) -> Vec<&Value> {
        let vectors: Vec<_> =
            self.vectors.iter().filter(|vector| vector["sign"].is_object()).collect();
        assert!(vectors.len() >= self.fewest_signed, "only {} are signed", vectors.len());
        vectors
    }

    /// What a signer says of a vector's link: when it expires, and its scope, which only the gate knows for a JWT. If
    /// only a gate with state admits the link, they are those of the passing vector that it differs from.
    pub(crate) fn said_of<'v>(&'v self, vector: &'v Value) -> (u64, Option<&'v str>) {
        let base = &vector["differs_from"];
        let passing = match base.is_null() {
            true => Some(vector),
            false => self.vectors.iter().find(|other| other["name"] == *base),
        };
        let expected = &passing.unwrap()["expect"];
        let scope = expected["scope"].as_str().filter(|_| vector["sign"]["format"] != "jwt");
        (expected["expires"].as_u64().unwrap(), scope)
    }
}

/// All files. None has become a short one unseen.
pub(crate) fn files() -> [File; 3] {
    let file = |format, text, fewest, fewest_signed| {
        let file: Value = serde_json::from_str(text).unwrap();
        let vectors = file["vectors"].as_array().unwrap().clone();
        assert!(vectors.len() >= fewest, "only {} vectors of {format}", vectors.len());
        File { format, keys: file["keys"].as_str().unwrap().to_owned(), vectors, fewest_signed }
    };
    [
        file("native", include_str!("../vectors/native.json"), 800, 110),
        file("jwt", include_str!("../vectors/jwt.json"), 800, 45),
        file("timed-hmac", include_str!("../vectors/timed-hmac.json"), 85, 18),
    ]
}

/// Names parted by commas.
pub(crate) fn names(list: &Value) -> String {
    let names = list.as_array().into_iter().flatten();
    names.map(|name| name.as_str().unwrap()).collect::<Vec<_>>().join(",")
}
