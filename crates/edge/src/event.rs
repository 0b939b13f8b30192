//! Events: what an operator's systems learn of revocations, as JSON. A log line names nobody; the body of a webhook does.

use playgate_state::{Reason, Revocation, Theft};
use serde::Serialize;
use serde_json::value::RawValue;

/// What an event tells besides the revocation.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The viewer from whose record it follows.
    pub sub: Option<String>,
    /// How a refresh token was used twice, as [`refreshes`] writes it.
    pub refreshes: Option<String>,
}

/// An event.
#[derive(Debug)]
pub struct Event<'a> {
    revocation: &'a Revocation,
    is_undone: bool,
    about: &'a About,
}

impl<'a> Event<'a> {
    /// A revocation was made, or undone.
    #[must_use]
    pub const fn new(revocation: &'a Revocation, is_undone: bool, about: &'a About) -> Self {
        Self { revocation, is_undone, about }
    }

    /// Its type.
    #[must_use]
    pub fn name(&self) -> &'static str {
        let is_displaced = self.revocation.reason == Reason::Displaced;
        match self.about {
            _ if self.is_undone => "revocation.undone",
            About { refreshes: Some(_), .. } => "session.stolen",
            About { sub: Some(_), .. } if is_displaced => "playback.displaced",
            _ => "revocation.created",
        }
    }

    /// The reason of the revocation, or `undone`.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        if self.is_undone { "undone" } else { self.revocation.reason.name() }
    }

    /// The line for the log.
    #[must_use]
    pub fn line(&self) -> String {
        #[derive(Serialize)]
        struct Line {
            decision: &'static str,
            reason: &'static str,
            #[serde(rename = "type")]
            kind: &'static str,
        }
        let line = Line { decision: "event", reason: self.reason(), kind: self.name() };
        // Strings always serialize.
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// The body of the webhook. `timestamp` is as in RFC 3339.
    #[must_use]
    pub fn body(&self, timestamp: &str) -> String {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(rename = "type")]
            kind: &'static str,
            timestamp: &'a str,
            data: Data<'a>,
        }
        #[derive(Serialize)]
        struct Data<'a> {
            kind: &'static str,
            #[serde(skip_serializing_if = "str::is_empty")]
            value: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            issued_before: Option<u64>,
            until: u64,
            reason: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            sub: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            refreshes: Option<&'a RawValue>,
        }
        let Revocation { kind, value, issued_before, until, reason } = self.revocation;
        let refreshes = self.about.refreshes.as_deref();
        let data = Data {
            kind: kind.name(),
            value,
            issued_before: *issued_before,
            until: *until,
            reason: reason.name(),
            sub: self.about.sub.as_deref(),
            refreshes: refreshes.and_then(|text| serde_json::from_str(text).ok()),
        };
        // Strings and numbers always serialize.
        serde_json::to_string(&Body { kind: self.name(), timestamp, data }).unwrap_or_default()
    }
}

/// Who got the newest token of a stolen session, and who came with an older one, as JSON.
#[must_use]
pub fn refreshes(theft: &Theft) -> String {
    #[derive(Serialize)]
    struct Refreshed<'a> {
        time: u64,
        network: Option<&'a str>,
        user_agent: &'a str,
    }
    let refreshes = [&theft.first, &theft.second].map(|(time, client)| {
        let network = client.network.as_deref();
        Refreshed { time: *time, network, user_agent: &client.user_agent }
    });
    // Strings and numbers always serialize.
    serde_json::to_string(&refreshes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use playgate_state::{Client, Kind};

    #[test]
    fn each_event_has_its_type_and_its_members() {
        let revocation = Revocation {
            kind: Kind::Sid,
            value: "s1".into(),
            issued_before: None,
            until: 9,
            reason: Reason::Displaced,
        };
        let (nobody, sub) = (About::default(), Some("viewer-1".to_string()));
        let viewer = About { sub: sub.clone(), refreshes: None };
        let client = Client { network: None, user_agent: "a \"browser\"".into() };
        let theft = Theft { sid: "s1".into(), first: (1, client.clone()), second: (2, client) };
        let stolen = About { sub, refreshes: Some(refreshes(&theft)) };
        for (is_undone, about, name, reason) in [
            (false, &nobody, "revocation.created", "displaced"),
            (false, &viewer, "playback.displaced", "displaced"),
            (false, &stolen, "session.stolen", "displaced"),
            (true, &nobody, "revocation.undone", "undone"),
        ] {
            let event = Event::new(&revocation, is_undone, about);
            let line = format!(r#"{{"decision":"event","reason":"{reason}","type":"{name}"}}"#);
            assert_eq!(event.line(), line);
        }
        let expected = concat!(
            r#"{"type":"session.stolen","timestamp":"T","data":{"kind":"sid","value":"s1","until":9,"reason":"displaced","#,
            r#""sub":"viewer-1","refreshes":[{"time":1,"network":null,"user_agent":"a \"browser\""},"#,
            r#"{"time":2,"network":null,"user_agent":"a \"browser\""}]}}"#
        );
        assert_eq!(Event::new(&revocation, false, &stolen).body("T"), expected);
    }
}
