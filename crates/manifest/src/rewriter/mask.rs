//! Addresses for people and logs.

use crate::rewriter::Rewriter;

/// What stands for a token.
const TOKEN: &str = "TOKEN";

impl Rewriter {
    /// An address with `TOKEN` in the place of each token in it, of this rewriter or of others.
    pub(crate) fn masked(&self, address: &str) -> String {
        let end = address.find(['?', '#']).unwrap_or(address.len());
        let (path, rest) = address.split_at_checked(end).unwrap_or_default();
        let mut out = String::with_capacity(address.len());
        for (n, segment) in path.split('/').enumerate() {
            out.push_str(if n > 0 { "/" } else { "" });
            out.push_str(if self.is_token(segment) { TOKEN } else { segment });
        }
        let (query, fragment) =
            rest.split_at_checked(rest.find('#').unwrap_or(rest.len())).unwrap_or_default();
        for (n, param) in query.split('&').enumerate() {
            out.push_str(if n > 0 { "&" } else { "" });
            let is_token = self.is_token(param.strip_prefix('?').unwrap_or(param));
            if is_token {
                // Its fields follow, and after them nobody knows what.
                out.push_str(if n > 0 { "" } else { "?" });
                out.push_str(TOKEN);
                break;
            }
            out.push_str(param);
        }
        out.push_str(fragment);
        out
    }

    /// Whether a segment or a parameter starts with what tokens go by, percent-encoded or not.
    fn is_token(&self, text: &str) -> bool {
        let is = |known: &str| {
            let mut rest = text;
            let all = known.chars().all(|c| match rest.strip_prefix(c) {
                Some(after) => {
                    rest = after;
                    true
                }
                None => {
                    let escape = std::format!("%{:02x}", u32::from(c));
                    let is_escape =
                        rest.get(..3).is_some_and(|is| is.eq_ignore_ascii_case(&escape));
                    rest = rest.get(3..).unwrap_or_default();
                    is_escape
                }
            });
            all && (rest.is_empty() || rest.starts_with(['=', '%']))
        };
        self.token_names.iter().any(is)
    }
}

#[cfg(test)]
mod tests {
    use crate::hls::tests::carrier_of;

    #[test]
    fn no_token_is_shown() {
        let rewriter =
            carrier_of("https://cdn.example.com/videos/42/a.m3u8", |link| link.in_query());
        let own = ["/", rewriter.token(), "/videos/42/a.ts"].concat();
        for (address, shown) in [
            (own.as_str(), "/TOKEN/videos/42/a.ts"),
            (
                "https://cdn.example.com/pg=1&sig=x/videos/42/a.ts?b#c",
                "https://cdn.example.com/TOKEN/videos/42/a.ts?b#c",
            ),
            ("/%70g=1&sig=x/a.ts", "/TOKEN/a.ts"),
            ("/%70%67%3D1&sig=x/a.ts", "/TOKEN/a.ts"),
            ("a.ts?v=1&pg=1&exp=2&sig=x#t=1", "a.ts?v=1&TOKEN#t=1"),
            ("a.ts?pg=1&sig=x", "a.ts?TOKEN"),
            ("a.ts?v=1&w=/pg/#/a", "a.ts?v=1&w=/pg/#/a"),
            ("pgs/page=1/a.ts", "pgs/page=1/a.ts"),
            ("", ""),
        ] {
            assert_eq!(rewriter.masked(address), shown);
        }
    }
}
