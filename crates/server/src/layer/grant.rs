//! What a service learns of an admitted request.

use http::HeaderMap;
use playgate::percent::decode;
use serde::de::DeserializeOwned;

/// What the token of an admitted request says. In the extensions of the request, and an extractor for axum (feature
/// `axum`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    subject: Option<String>,
    session: Option<String>,
    claims: Option<String>,
    expires: Option<u64>,
}

impl Grant {
    /// Reads the gate's fields.
    pub(super) fn of(fields: &HeaderMap) -> Self {
        let text = |name: &str| {
            let text = fields.get(name)?.to_str().ok()?;
            Some(text).filter(|text| !text.is_empty())
        };
        Self {
            subject: text("playgate-subject").and_then(decode),
            session: text("playgate-session").and_then(decode),
            claims: text("playgate-claims").map(String::from),
            expires: text("playgate-expires").and_then(|text| text.parse().ok()),
        }
    }

    /// The viewer, `sub`.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The playback or session, `sid`.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The origin's claims about the viewer, as a JSON object.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.claims.as_deref()
    }

    /// One of the claims. `None` if there is no such claim, or it is of another type.
    #[must_use]
    pub fn claim<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let mut claims: serde_json::Map<_, _> = serde_json::from_str(self.claims()?).ok()?;
        serde_json::from_value(claims.remove(name)?).ok()
    }

    /// When the token expires, in Unix seconds. `None` for a public path.
    #[must_use]
    pub const fn expires(&self) -> Option<u64> {
        self.expires
    }
}

/// Where [`GateLayer`](crate::GateLayer) is missing, the answer is 500: nobody has checked the request.
#[cfg(feature = "axum")]
impl<S: Sync> axum_core::extract::FromRequestParts<S> for Grant {
    type Rejection = (http::StatusCode, &'static str);

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Self::Rejection> {
        let grant = parts.extensions.get::<Self>().cloned();
        grant.ok_or((http::StatusCode::INTERNAL_SERVER_ERROR, "this route is not behind GateLayer"))
    }
}
