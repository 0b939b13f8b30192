//! The way from a link to the one that it was exchanged for, where the media is a file and no manifest that
//! could carry it.

use std::borrow::Cow;

use crate::answer::{Answer, Headers};

/// An address on this host, with the exchanged token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    /// From the path on, so that it holds for whatever host and scheme the viewer knows the gate by.
    pub(crate) location: String,
    /// When its token ends, in unix seconds.
    pub(crate) expires: u64,
}

impl Redirect {
    /// The answer at `now`: found there for this one time (RFC 9110, section 15.4.3), as the next request starts
    /// another playback. The header fields are the same for GET and HEAD, and for every range: the client
    /// asks again with its own.
    pub(crate) fn answer(&self, now: u64, cors: Headers) -> Answer {
        let mut headers: Headers = vec![
            ("Location", Cow::from(self.location.clone())),
            ("Cache-Control", "no-store".into()),
            ("Playgate-Expires", self.expires.to_string().into()),
            ("Playgate-Time-Left", self.expires.saturating_sub(now).to_string().into()),
            ("Content-Length", "0".into()),
            ("X-Content-Type-Options", "nosniff".into()),
        ];
        headers.extend(cors);
        Answer { status: 302, headers, body: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_kept_and_says_until_when() {
        let redirect = Redirect { location: "/pg=1&sig=x/a.mp4".into(), expires: 700 };
        let Answer { status, headers, body } =
            redirect.answer(600, vec![("Vary", "Origin".into())]);
        assert_eq!((status, body), (302, None));
        assert_eq!(
            headers,
            [
                ("Location", "/pg=1&sig=x/a.mp4".into()),
                ("Cache-Control", "no-store".into()),
                ("Playgate-Expires", "700".into()),
                ("Playgate-Time-Left", "100".into()),
                ("Content-Length", "0".into()),
                ("X-Content-Type-Options", "nosniff".into()),
                ("Vary", "Origin".into()),
            ]
        );
    }
}
