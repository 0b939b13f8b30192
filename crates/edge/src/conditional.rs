//! Conditional requests (RFC 9110, section 13).

use crate::http_date;

/// The conditions of a request, as the header fields have them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions<'a> {
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_modified_since: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
    pub(crate) if_range: Option<&'a str>,
    pub(crate) if_unmodified_since: Option<&'a str>,
}

/// The media that is there now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The entity tag with its quotes.
    pub(crate) etag: &'a str,
    /// When it was stored, in unix seconds.
    pub(crate) modified: u64,
}

/// What the conditions say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// 412
    Failed,
    /// 304
    NotModified,
    /// Serve it.
    Serve,
}

impl Conditions<'_> {
    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.if_match.is_none()
            && self.if_modified_since.is_none()
            && self.if_none_match.is_none()
            && self.if_range.is_none()
            && self.if_unmodified_since.is_none()
    }

    /// Section 13.2.2, for GET and HEAD: the tags come before the dates, and a date does not count
    /// beside a tag of its kind.
    pub(crate) fn evaluate(&self, media: Validators<'_>, now: u64) -> Precondition {
        // 1, 2
        let holds = match (self.if_match, self.if_unmodified_since) {
            (Some(list), _) => has_tag(list, media.etag, Comparison::Strong),
            (None, Some(date)) => http_date::parse(date, now).is_none_or(|at| media.modified <= at),
            (None, None) => true,
        };
        if !holds {
            return Precondition::Failed;
        }
        // 3, 4
        let modified = match (self.if_none_match, self.if_modified_since) {
            (Some(list), _) => !has_tag(list, media.etag, Comparison::Weak),
            (None, Some(date)) => http_date::parse(date, now).is_none_or(|at| media.modified > at),
            (None, None) => true,
        };
        if modified { Precondition::Serve } else { Precondition::NotModified }
    }

    /// 5: whether a range is still one of the media that the client has a part of. A date counts
    /// only where it says exactly when this version was stored, a second ago at least: within that
    /// second there may have been two versions (section 8.8.2.2).
    pub(crate) fn range_holds(&self, media: Validators<'_>, now: u64) -> bool {
        match self.if_range {
            None => true,
            Some(tag) if tag.starts_with('"') || tag.starts_with("W/") => {
                has_tag(tag, media.etag, Comparison::Strong)
            }
            Some(date) => {
                media.modified < now && http_date::parse(date, now) == Some(media.modified)
            }
        }
    }
}

/// Section 8.8.3.2.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

/// Whether a list of entity tags, or `*`, has `etag`. A list that breaks the grammar has what
/// stands before the break.
fn has_tag(list: &str, etag: &str, comparison: Comparison) -> bool {
    let (etag, etag_is_weak) = opaque(etag);
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (tag, is_weak) = opaque(rest);
        // The tag runs to the next quote; a comma may be part of it.
        let Some((tag, after)) = tag.strip_prefix('"').and_then(|tag| tag.split_once('"')) else {
            return false;
        };
        let comparable = comparison == Comparison::Weak || !(is_weak || etag_is_weak);
        if comparable && etag.strip_prefix('"').and_then(|e| e.strip_suffix('"')) == Some(tag) {
            return true;
        }
        rest = after;
    }
}

/// An entity tag without `W/`, and whether it had that.
fn opaque(tag: &str) -> (&str, bool) {
    tag.strip_prefix("W/").map_or((tag, false), |tag| (tag, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_767_225_600;
    const MEDIA: Validators<'static> = Validators { etag: "\"abc\"", modified: 784_111_777 };
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[track_caller]
    fn gives(conditions: Conditions<'_>, expected: Precondition) {
        assert_eq!(conditions.evaluate(MEDIA, NOW), expected);
    }

    #[test]
    fn one_condition_is_not_none() {
        assert!(Conditions::default().is_empty());
        assert!(!Conditions { if_range: Some("\"a\""), ..Conditions::default() }.is_empty());
    }

    #[test]
    fn if_none_match() {
        for list in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*", "\"x,\",W/\"abc\"", ", \"abc\""]
        {
            gives(
                Conditions { if_none_match: Some(list), ..Conditions::default() },
                Precondition::NotModified,
            );
        }
        for list in ["\"x\"", "abc", "\"abc", "\"ABC\"", "\"x\" abc", "\"a,\"abc\"", ""] {
            gives(
                Conditions { if_none_match: Some(list), ..Conditions::default() },
                Precondition::Serve,
            );
        }
    }

    #[test]
    fn if_match_compares_strongly() {
        for (list, expected) in [
            ("\"abc\"", Precondition::Serve),
            ("*", Precondition::Serve),
            ("\"x\", \"abc\"", Precondition::Serve),
            ("W/\"abc\"", Precondition::Failed),
            ("\"x\"", Precondition::Failed),
            ("", Precondition::Failed),
        ] {
            gives(Conditions { if_match: Some(list), ..Conditions::default() }, expected);
        }
    }

    #[test]
    fn dates() {
        let since = |date| Conditions { if_modified_since: Some(date), ..Conditions::default() };
        gives(since(THEN), Precondition::NotModified);
        gives(since(BEFORE), Precondition::Serve);
        gives(since("no date"), Precondition::Serve);
        let until = |date| Conditions { if_unmodified_since: Some(date), ..Conditions::default() };
        gives(until(THEN), Precondition::Serve);
        gives(until(BEFORE), Precondition::Failed);
        gives(until("no date"), Precondition::Serve);
    }

    #[test]
    fn tags_come_before_dates() {
        let conditions = Conditions {
            if_none_match: Some("\"x\""),
            if_modified_since: Some(THEN),
            ..Conditions::default()
        };
        gives(conditions, Precondition::Serve);
        let conditions = Conditions {
            if_match: Some("\"abc\""),
            if_unmodified_since: Some(BEFORE),
            ..Conditions::default()
        };
        gives(conditions, Precondition::Serve);
        let conditions = Conditions {
            if_match: Some("\"x\""),
            if_none_match: Some("\"abc\""),
            ..Conditions::default()
        };
        gives(conditions, Precondition::Failed);
    }

    #[test]
    fn if_range() {
        let holds = |if_range, now| {
            Conditions { if_range: Some(if_range), ..Conditions::default() }.range_holds(MEDIA, now)
        };
        assert!(holds("\"abc\"", NOW));
        assert!(!holds("W/\"abc\"", NOW), "a weak tag never holds");
        assert!(!holds("\"x\"", NOW));
        assert!(holds(THEN, NOW));
        assert!(!holds(BEFORE, NOW));
        assert!(!holds("Sun, 06 Nov 1994 08:49:38 GMT", NOW), "later is not exact");
        assert!(!holds(THEN, MEDIA.modified), "it may change within the second");
        assert!(!holds("abc", NOW));
        assert!(Conditions::default().range_holds(MEDIA, NOW));
    }
}
