//! What the media server learns of the viewer: what the token says, verified.

use playgate::{Verified, percent::push_encoded};

/// The longest claims that the server gets, in bytes. Servers limit the length of header fields, usually to 8 KB for all
/// of them.
const MAX_CLAIMS: usize = 4_096;

/// The viewer, the playback or session, and the claims of an admitted request.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Viewer {
    subject: Option<String>,
    session: Option<String>,
    claims: Option<String>,
}

impl Viewer {
    /// `None` if the token says nothing of a viewer.
    pub(crate) fn of(verified: &Verified<'_>) -> Option<Box<Self>> {
        let grant = verified.grant();
        let viewer = Self {
            subject: grant.subject().map(|id| encoded(id.as_str())),
            session: grant.session().map(|id| encoded(id.as_str())),
            claims: verified.claims().filter(|claims| claims.len() <= MAX_CLAIMS),
        };
        let Self { subject, session, claims } = &viewer;
        let is_known = subject.is_some() || session.is_some() || claims.is_some();
        is_known.then(|| Box::new(viewer))
    }

    /// The header fields for the server. Clients cannot forge them: their own are never passed on.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let Self { subject, session, claims } = self;
        let fields = [
            ("Playgate-Subject", subject),
            ("Playgate-Session", session),
            ("Playgate-Claims", claims),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)))
    }
}

/// Shows nothing of the viewer.
impl core::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Viewer(..)")
    }
}

/// An id as a header field can carry it. That of a JWT may be any text: what is not visible ASCII is percent-encoded,
/// and so is a percent sign.
fn encoded(id: &str) -> String {
    let mut text = String::with_capacity(id.len());
    push_encoded(id, |byte| byte.is_ascii_graphic() && byte != b'%', &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_header_field() {
        assert_eq!(encoded("viewer-1"), "viewer-1");
        assert_eq!(encoded("jos\u{e9} 100%\r\n"), "jos%C3%A9%20100%25%0D%0A");
    }
}
