//! Conditional requests (RFC 9110, section 13).

use crate::http_date;

/// The conditions of a request, as the values of its header fields.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Conditions<'a> {
    pub(crate) if_match: Option<&'a str>,
    pub(crate) if_modified_since: Option<&'a str>,
    pub(crate) if_none_match: Option<&'a str>,
    pub(crate) if_range: Option<&'a str>,
    pub(crate) if_unmodified_since: Option<&'a str>,
}

/// The validators of the current version of the media.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Validators<'a> {
    /// The entity tag with its quotes.
    pub(crate) etag: &'a str,
    /// When it was stored, in unix seconds.
    pub(crate) modified: u64,
}

/// The result of evaluating the conditions.
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
    /// Whether there are no conditions.
    pub(crate) const fn is_empty(&self) -> bool {
        self.if_match.is_none()
            && self.if_modified_since.is_none()
            && self.if_none_match.is_none()
            && self.if_range.is_none()
            && self.if_unmodified_since.is_none()
    }

    /// Evaluates the conditions for GET and HEAD (section 13.2.2). Tags come before dates, and a date is
    /// ignored if there is a tag condition of the same kind.
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

    /// Step 5: whether a range still belongs to the version that the client has part of. A date counts only
    /// if it is exactly when this version was stored, and at least a second ago: within one second there
    /// may have been two versions (section 8.8.2.2).
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

/// Whether a list of entity tags, or `*`, contains `etag`. If the list breaks the grammar, only the part
/// before the error counts.
fn has_tag(list: &str, etag: &str, comparison: Comparison) -> bool {
    let (etag, etag_is_weak) = opaque(etag);
    if list.trim() == "*" {
        return true;
    }
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (tag, is_weak) = opaque(rest);
        // A tag ends at the next quote. It may contain a comma.
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

/// Splits off `W/`: returns the opaque tag, and whether it was weak.
fn opaque(tag: &str) -> (&str, bool) {
    tag.strip_prefix("W/").map_or((tag, false), |tag| (tag, true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Wanted;
    use crate::request::RequestParts;
    use Precondition::{Failed, NotModified, Serve};
    use std::collections::BTreeMap;

    const NOW: u64 = 1_767_225_600;
    const MEDIA: Validators<'static> = Validators { etag: "\"abc\"", modified: 784_111_777 };
    const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";

    #[track_caller]
    fn gives(conditions: Conditions<'_>, expected: Precondition) {
        assert_eq!(conditions.evaluate(MEDIA, NOW), expected);
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

    /// The step of section 13.2.2 that decides. The names are those of the fields that are false.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
    enum Step {
        IfMatch,
        IfUnmodifiedSince,
        IfNoneMatch,
        IfModifiedSince,
        IfRange,
        AllHold,
    }

    /// A field: its value as it is sent, and what that means.
    #[derive(Clone, Copy)]
    enum Field {
        Absent,
        /// `*`
        Any(&'static str),
        /// Entity tags: each without quotes, and whether it is weak.
        Tags(&'static str, &'static [(&'static str, bool)]),
        /// A date, compared with the time when the media was stored: -1 is earlier, 1 is later.
        Date(&'static str, i8),
        /// A value that breaks the grammar of a date.
        NoDate(&'static str),
    }

    impl Field {
        fn value(self) -> Option<&'static str> {
            match self {
                Self::Absent => None,
                Self::Any(value)
                | Self::Tags(value, _)
                | Self::Date(value, _)
                | Self::NoDate(value) => Some(value),
            }
        }

        /// Whether it matches the tag `abc`, by the table in section 8.8.3.2.
        fn matches(self, media_is_weak: bool, strongly: bool) -> bool {
            match self {
                Self::Any(_) => true,
                Self::Tags(_, tags) => tags.iter().any(|(tag, is_weak)| {
                    *tag == "abc" && !(strongly && (*is_weak || media_is_weak))
                }),
                _ => false,
            }
        }
    }

    /// The five fields, in the order of [`RequestParts::conditions`].
    type Fields = [Field; 5];

    /// Section 13.2.2, step by step, for a GET with a range.
    fn oracle(fields: &Fields, media_is_weak: bool, stored_just_now: bool) -> Step {
        let [if_match, if_modified_since, if_none_match, if_range, if_unmodified_since] = *fields;
        // 1
        if !matches!(if_match, Field::Absent) {
            if !if_match.matches(media_is_weak, true) {
                return Step::IfMatch;
            }
        // 2
        } else if let Field::Date(_, -1) = if_unmodified_since {
            return Step::IfUnmodifiedSince;
        }
        // 3
        if !matches!(if_none_match, Field::Absent) {
            if if_none_match.matches(media_is_weak, false) {
                return Step::IfNoneMatch;
            }
        // 4
        } else if let Field::Date(_, 0 | 1) = if_modified_since {
            return Step::IfModifiedSince;
        }
        // 5
        let holds = match if_range {
            Field::Absent => true,
            // A date is weak within the second in which the media was stored.
            Field::Date(_, 0) => !stored_just_now,
            Field::Date(..) | Field::NoDate(_) => false,
            tag => tag.matches(media_is_weak, true),
        };
        if holds { Step::AllHold } else { Step::IfRange }
    }

    /// Every combination of the five fields, for media with a strong or a weak tag, stored in this second or before.
    #[test]
    fn all_five_fields_are_evaluated_in_the_order_of_the_rfc() {
        const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
        const TAG: Field = Field::Tags("\"abc\"", &[("abc", false)]);
        const WEAK: Field = Field::Tags("W/\"abc\"", &[("abc", true)]);
        const OTHER: Field = Field::Tags("\"x\"", &[("x", false)]);
        const LISTS: [Field; 7] = [
            Field::Absent,
            Field::Any("*"),
            TAG,
            WEAK,
            OTHER,
            Field::Tags(
                "\"x\", W/\"abc\", \"a,bc\"",
                &[("x", false), ("abc", true), ("a,bc", false)],
            ),
            Field::Tags("W/\"x\",\"abc\"", &[("x", true), ("abc", false)]),
        ];
        const DATES: [Field; 5] = [
            Field::Absent,
            Field::Date(BEFORE, -1),
            Field::Date(THEN, 0),
            Field::Date(AFTER, 1),
            Field::NoDate("yesterday"),
        ];
        let ranges = [&[TAG, WEAK, OTHER][..], &DATES].concat();
        let mut counts = BTreeMap::new();
        let mut count = |fields: &Fields, media_is_weak: bool, stored_just_now: bool| {
            let conditions = fields.map(Field::value);
            let parts = RequestParts { conditions, ..RequestParts::default() };
            let wanted = Wanted::of(&parts);
            let asked = wanted.conditions();
            let is_empty = conditions == [None; 5];
            assert_eq!(asked.is_empty(), is_empty, "{conditions:?}");
            let etag = if media_is_weak { "W/\"abc\"" } else { "\"abc\"" };
            let media = Validators { etag, ..MEDIA };
            let now = MEDIA.modified + u64::from(!stored_just_now);
            let step = oracle(fields, media_is_weak, stored_just_now);
            let expected = match step {
                Step::IfMatch | Step::IfUnmodifiedSince => (Failed, None),
                Step::IfNoneMatch | Step::IfModifiedSince => (NotModified, None),
                Step::IfRange => (Serve, Some(false)),
                Step::AllHold => (Serve, Some(true)),
            };
            let got = asked.evaluate(media, now);
            let range_holds = (got == Serve).then(|| asked.range_holds(media, now));
            assert_eq!((got, range_holds), expected, "{conditions:?} {etag} {stored_just_now}");
            *counts.entry(step).or_insert(0) += 1;
        };
        for if_match in LISTS {
            for if_none_match in LISTS {
                for if_modified_since in DATES {
                    for if_unmodified_since in DATES {
                        for if_range in &ranges {
                            let fields = [
                                if_match,
                                if_modified_since,
                                if_none_match,
                                *if_range,
                                if_unmodified_since,
                            ];
                            for (media_is_weak, stored_just_now) in
                                [(false, false), (false, true), (true, false), (true, true)]
                            {
                                count(&fields, media_is_weak, stored_just_now);
                            }
                        }
                    }
                }
            }
        }
        let expected = [
            (Step::IfMatch, 22_400),
            (Step::IfUnmodifiedSince, 1_120),
            (Step::IfNoneMatch, 11_200),
            (Step::IfModifiedSince, 896),
            (Step::IfRange, 2_608),
            (Step::AllHold, 976),
        ];
        assert_eq!(counts, BTreeMap::from(expected));
    }
}
