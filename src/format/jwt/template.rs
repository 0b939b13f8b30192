//! The template that turns a claim into a directory: `/videos/{vid}/`.

use core::fmt;

use alloc::string::String;

use crate::bytes::is_name;
use crate::format::name::MAX_NAME_LEN;
use crate::grant::parse_text;
use crate::path::{CanonicalPath, PathError};
use crate::scope::MAX_DIRECTORY;

/// Claims with another meaning to the gate.
const TAKEN: [&str; 9] = ["aud", "exp", "iat", "iss", "max", "nbf", "reval", "run", "uses"];

/// A directory with a claim as one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// From the first slash to the one before the claim.
    before: String,
    pub(super) claim: String,
    /// From the slash after the claim to the last one.
    after: String,
    /// The number of segments.
    pub(super) depth: u8,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, TemplateError> {
        let (before, rest) = text.split_once('{').ok_or(TemplateError::Claim)?;
        let (claim, after) = rest.split_once('}').ok_or(TemplateError::Claim)?;
        if !before.ends_with('/') || !after.starts_with('/') || after.contains(['{', '}']) {
            return Err(TemplateError::Claim);
        }
        if parse_text(claim, MAX_NAME_LEN, is_name).is_err() || TAKEN.contains(&claim) {
            return Err(TemplateError::Name);
        }
        if !after.ends_with('/') {
            return Err(TemplateError::Slash);
        }
        for part in [before, after] {
            let path = CanonicalPath::parse(part).map_err(TemplateError::Path)?;
            path.as_canonical().ok_or(TemplateError::NotCanonical)?;
        }
        // The last slash before the claim, and the first after it.
        let depth = text.bytes().filter(|byte| *byte == b'/').count().saturating_sub(1);
        match u8::try_from(depth) {
            Ok(depth) if depth <= MAX_DIRECTORY => {
                let (before, claim, after) = (before.into(), claim.into(), after.into());
                Ok(Self { before, claim, after, depth })
            }
            _ => Err(TemplateError::Deep),
        }
    }

    /// The directory of `path` that a token with this claim allows; `None` if the path is not in it. By construction,
    /// it ends at a segment boundary.
    pub(super) fn directory<'p>(
        &self,
        path: CanonicalPath<'p>,
        claim: &str,
    ) -> Option<CanonicalPath<'p>> {
        let directory = path.directory(self.depth)?;
        let canonical = directory.to_cow();
        let rest = canonical.strip_prefix(self.before.as_str())?.strip_prefix(claim)?;
        (rest == self.after).then_some(directory)
    }

    /// The template filled with a claim.
    pub(super) fn filled(&self, claim: &str) -> String {
        [&self.before, claim, &self.after].concat()
    }
}

/// What is wrong with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TemplateError {
    /// Not exactly one segment with a claim in braces.
    Claim,
    /// More than 64 segments.
    Deep,
    /// Not a valid claim name, or a reserved one.
    Name,
    /// Not canonical.
    NotCanonical,
    /// A path that cannot be signed.
    Path(PathError),
    /// No slash at the end.
    Slash,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claim => "write a directory with one claim as a segment, like /videos/{vid}/",
            Self::Deep => "more than 64 segments",
            Self::Name => {
                "the claim is not 1 to 64 of A-Z a-z 0-9 - _ . or is one of aud, exp, iat, iss, max, \
                 nbf, reval, run, uses, which are reserved"
            }
            Self::NotCanonical => {
                "the path is not canonical; write escapes in uppercase, and letters unescaped"
            }
            Self::Path(error) => return write!(f, "the path {error}"),
            Self::Slash => "a directory must end with a slash",
        })
    }
}

impl core::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(template: &str, claim: &str, path: &str) -> bool {
        let template = Template::parse(template).unwrap();
        template.directory(CanonicalPath::parse(path).unwrap(), claim).is_some()
    }

    #[test]
    fn a_directory_and_what_is_below_it() {
        for (template, path) in [
            ("/videos/{vid}/", "/videos/42/a.ts"),
            ("/videos/{vid}/", "/videos/42/"),
            ("/videos/{vid}/", "/videos/%34%32/hls/a.ts"),
            ("/{vid}/", "/42/a.ts"),
            ("/a/{vid}/hls/b/", "/a/42/hls/b/1.ts"),
            ("/%C3%A4/{vid}/", "/%c3%a4/42/1.ts"),
        ] {
            assert!(opens(template, "42", path), "{template} {path}");
        }
    }

    #[test]
    fn nothing_beside_it() {
        for (template, path) in [
            ("/videos/{vid}/", "/videos/42"),
            ("/videos/{vid}/", "/videos/421/a.ts"),
            ("/videos/{vid}/", "/videos/4/2/a.ts"),
            ("/videos/{vid}/", "/videos/42a/a.ts"),
            ("/videos/{vid}/", "/videos/a42/a.ts"),
            ("/videos/{vid}/", "/Videos/42/a.ts"),
            ("/videos/{vid}/", "/42/a.ts"),
            ("/videos/{vid}/hls/", "/videos/42/dash/a.ts"),
            ("/videos/{vid}/hls/", "/videos/42/a.ts"),
        ] {
            assert!(!opens(template, "42", path), "{template} {path}");
        }
    }

    #[test]
    fn what_is_no_template() {
        let deep = ["/{v}/", &"a/".repeat(64)].concat();
        for (text, error) in [
            ("", TemplateError::Claim),
            ("/", TemplateError::Claim),
            ("/videos/", TemplateError::Claim),
            ("{vid}/", TemplateError::Claim),
            ("/videos/{vid", TemplateError::Claim),
            ("/videos/x{vid}/", TemplateError::Claim),
            ("/videos/{vid}x/", TemplateError::Claim),
            ("/videos/{vid}", TemplateError::Claim),
            ("/{a}/{b}/", TemplateError::Claim),
            ("/videos/{vid}/x", TemplateError::Slash),
            ("/videos/{}/", TemplateError::Name),
            ("/videos/{a/b}/", TemplateError::Name),
            ("/videos/{exp}/", TemplateError::Name),
            ("videos/{vid}/", TemplateError::Path(PathError::NotAbsolute)),
            ("/../{vid}/", TemplateError::Path(PathError::DotSegment)),
            ("//{vid}/", TemplateError::Path(PathError::EmptySegment)),
            ("/%7e/{vid}/", TemplateError::NotCanonical),
            (&deep, TemplateError::Deep),
        ] {
            assert_eq!(Template::parse(text), Err(error), "{text}");
        }
        assert!(Template::parse(&["/{v}/", &"a/".repeat(63)].concat()).is_ok());
    }
}
