//! The start of an MPD: of every Representation the segments that start within it, each with an address
//! of its own. A template would lead to them all, so there is none left.

use crate::ManifestError;
use crate::address::Resource;
use crate::dash::bases::Bases;
use crate::dash::document::{Document, Node};
use crate::dash::duration;
use crate::dash::list;
use crate::dash::onward;
use crate::dash::segments::Info;
use crate::dash::sidecar::{self, SidecarKind};
use crate::dash::writer::{MpdWriter, is_nothing, remote};
use crate::rewriter::Rewriter;

/// The most segments that are listed or passed over. Each that is listed is signed, and takes some 300
/// bytes.
const MAX_SEGMENTS: usize = 50_000;

/// Writes the first `secs` seconds of an MPD.
pub(super) fn write<'c>(
    rewriter: &'c Rewriter,
    document: &Document<'_>,
    secs: u64,
) -> Result<MpdWriter<'c>, ManifestError> {
    let root = document.root().filter(|root| root.name() == "MPD");
    let root = root.ok_or(ManifestError::NoPreview)?;
    let is_static = root.attribute("type").is_none_or(|kind| kind.text == "static");
    let is_elsewhere = |node| remote(node).is_some() || node.name() == "ImportedMPD";
    if !is_static || document.nodes().any(is_elsewhere) {
        return Err(ManifestError::NoPreview);
    }
    let mut writer = MpdWriter::new(rewriter, document.source.len());
    onward::close(&mut writer, document)?;
    let mpd = writer.locations(root)?;
    let bases = writer.level(root, &mpd, false)?;
    let shown = duration::of_secs(secs);
    let mut preview = DashPreview { writer, mpd, shown, budget: MAX_SEGMENTS };
    preview.writer.held(root, &bases, &preview.mpd)?;
    let periods = periods(root)?;
    preview.cut(root, &periods)?;
    let mut periods = periods.iter().peekable();
    for node in root.children() {
        match periods.next_if(|period| period.node.span() == node.span()) {
            Some(period) => preview.period(period, &bases)?,
            None => preview.writer.held(node, &bases, &preview.mpd)?,
        }
    }
    Ok(preview.writer)
}

/// A Period, and when it is, in nanoseconds of the presentation.
struct Period<'d> {
    node: Node<'d>,
    start: u64,
    end: u64,
}

/// The Periods, and when they are (ISO/IEC 23009-1, section 5.3.2.1).
fn periods(root: Node<'_>) -> Result<Vec<Period<'_>>, ManifestError> {
    let total = time(root, "mediaPresentationDuration")?;
    let mut periods = Vec::new();
    let mut next = Some(0);
    let mut nodes = root.named("Period").filter(|node| !is_nothing(*node)).peekable();
    while let Some(node) = nodes.next() {
        let start = time(node, "start")?.or(next).ok_or(ManifestError::NoPreview)?;
        next = time(node, "duration")?.map(|duration| start.saturating_add(duration));
        let following = match nodes.peek() {
            Some(following) => time(*following, "start")?,
            None => total,
        };
        let end = match (next, following) {
            (Some(end), Some(following)) => end.min(following),
            (end, following) => end.or(following).ok_or(ManifestError::NoPreview)?,
        };
        periods.push(Period { node, start, end });
    }
    Ok(periods)
}

/// A duration; `None` where there is no such attribute.
fn time(node: Node<'_>, name: &str) -> Result<Option<u64>, ManifestError> {
    let Some(value) = node.attribute(name) else { return Ok(None) };
    duration::parse(&value.text).map(Some).ok_or(ManifestError::NoPreview)
}

struct DashPreview<'c> {
    writer: MpdWriter<'c>,
    /// What is relative to the MPD starts from these.
    mpd: Bases,
    /// How many nanoseconds from the start may be seen.
    shown: u64,
    /// How many segments may still be listed.
    budget: usize,
}

impl DashPreview<'_> {
    /// Shortens the presentation.
    fn cut(&mut self, root: Node<'_>, periods: &[Period<'_>]) -> Result<(), ManifestError> {
        if !periods.iter().any(|period| period.start < self.shown) {
            return Err(ManifestError::NoPreview);
        }
        self.shorten(root, "mediaPresentationDuration", self.shown)?;
        // It said when it ends by its Periods, of which the last ones may be gone.
        if !root.has("mediaPresentationDuration")
            && periods.iter().any(|period| period.end > self.shown)
        {
            let at = root.attributes().start;
            let duration = duration::to_text(self.shown);
            let markup = [" mediaPresentationDuration=\"", &duration, "\""].concat();
            self.writer.edits.markup(at..at, &markup)?;
        }
        Ok(())
    }

    /// Makes a duration no longer than `most`.
    fn shorten(&mut self, node: Node<'_>, name: &str, most: u64) -> Result<(), ManifestError> {
        if let Some(value) = node.attribute(name)
            && time(node, name)? > Some(most)
        {
            self.writer.edits.text(value.span, &duration::to_text(most))?;
        }
        Ok(())
    }

    fn period(&mut self, period: &Period<'_>, parents: &Bases) -> Result<(), ManifestError> {
        let Period { node, start, end } = *period;
        let Some(most) = self.shown.checked_sub(start).filter(|most| *most > 0) else {
            return self.writer.edits.markup(node.span(), "");
        };
        self.shorten(node, "duration", most)?;
        let length = end.saturating_sub(start).min(most);
        let above = Above { bases: parents, info: &Info::default(), kind: SidecarKind::default() };
        self.level(node, &above, length)
    }

    /// Writes a level of a Period of which `length` nanoseconds may be seen.
    fn level<'d>(
        &mut self,
        node: Node<'d>,
        above: &Above<'_, 'd>,
        length: u64,
    ) -> Result<(), ManifestError> {
        let kind = above.kind.within(node);
        let (own, others): (Vec<_>, Vec<_>) = node.children().partition(|child| {
            matches!(child.name(), "SegmentBase" | "SegmentList" | "SegmentTemplate")
        });
        // The schema has one at most, and what players make of two nobody knows. So what is said at the
        // levels above has no more parts than elements are deep.
        if own.len() > 1 {
            return Err(ManifestError::NoPreview);
        }
        let mut info = above.info.clone();
        own.iter().for_each(|own| info.add(*own));
        // Whoever is shown a part of a film may read all of its subtitles, and see all thumbnails.
        let is_file = kind.is_beside() && info.is_of_one_file() && sidecar::is_file(node);
        let bases = self.writer.level(node, above.bases, is_file)?;
        self.writer.held(node, &bases, &self.mpd)?;
        if node.name() != "Representation" {
            let above = Above { bases: &bases, info: &info, kind };
            others.into_iter().try_for_each(|child| self.level(child, &above, length))?;
            return self.place(node, &own, "");
        }
        if kind.is_beside() && info.is_of_one_file() {
            return own.into_iter().try_for_each(|own| self.sources(own, &bases));
        }
        self.writer.spend(info.work())?;
        let mut list = String::new();
        let segments = info.segments(length, &mut self.budget)?;
        let list_of = list::Of { rewriter: self.writer.rewriter, node, info: &info, bases: &bases };
        list_of.push(&segments, &mut list)?;
        self.place(node, &own, &list)
    }

    /// Writes the addresses in the `SegmentBase` of a file.
    fn sources(&mut self, node: Node<'_>, bases: &Bases) -> Result<(), ManifestError> {
        for child in node.children() {
            if let Some(source) = child.attribute("sourceURL") {
                self.writer.address(source, bases, Resource::Media, false)?;
            }
        }
        Ok(())
    }

    /// Puts what is said of segments now where it was said before, or at the end.
    fn place(&mut self, node: Node<'_>, own: &[Node<'_>], list: &str) -> Result<(), ManifestError> {
        let edits = &mut self.writer.edits;
        let mut list = list;
        for own in own {
            edits.markup(own.span(), list)?;
            list = "";
        }
        if list.is_empty() {
            return Ok(());
        }
        match node.content() {
            Some(content) => edits.markup(content.end..content.end, list),
            None => {
                let end = [">", list, "</", node.qualified(), ">"].concat();
                edits.markup(node.attributes().end..node.span().end, &end)
            }
        }
    }
}

/// What the levels above say.
struct Above<'a, 'd> {
    bases: &'a Bases,
    info: &'a Info<'d>,
    kind: SidecarKind,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dash::testing::{Came, mpd, rewriter, rewritten};

    fn preview(secs: u64, mpd: &str) -> Result<String, ManifestError> {
        rewritten(&rewriter(Came::DashPreview(secs)), mpd)
    }

    /// An MPD of 20 seconds with these segments at three levels.
    fn with(period: &str, set: &str, representation: &str) -> String {
        let content = format!(
            "<Period>{period}<AdaptationSet>{set}<Representation id=\"v\" bandwidth=\"9\">{representation}\
             </Representation></AdaptationSet></Period>"
        );
        mpd(&content).replace("static\"", "static\" mediaPresentationDuration=\"PT20S\"")
    }

    /// What the preview of five seconds lists.
    #[track_caller]
    fn lists(mpd: &str, expected: &str) {
        let out = preview(5, mpd).unwrap();
        let start = out.find("<SegmentList").unwrap();
        let end = out.find("</SegmentList>").unwrap();
        assert_eq!(out[start..end].replace("/ONE/videos/42/dash/", "@"), expected, "{mpd}");
        assert_eq!(out.matches("SegmentTemplate").count(), 0);
        assert_eq!(out.matches("\"PT5S\"").count(), 1);
    }

    #[track_caller]
    fn none(mpd: &str) {
        assert_eq!(preview(5, mpd), Err(ManifestError::NoPreview), "{mpd}");
    }

    const URLS: &str =
        r#"<SegmentURL media="@1.m4s"/><SegmentURL media="@2.m4s"/><SegmentURL media="@3.m4s"/>"#;

    #[test]
    fn of_a_template_with_a_duration() {
        let template = r#"<SegmentTemplate timescale="10" duration="20" startNumber="7" presentationTimeOffset="90" media="$RepresentationID$-$Number%03d$-$Time$.m4s" initialization="i$Bandwidth$.mp4"/>"#;
        let expected = r#"<SegmentList timescale="10" presentationTimeOffset="90" duration="20"><Initialization sourceURL="@i9.mp4"/><SegmentURL media="@v-007-0.m4s"/><SegmentURL media="@v-008-20.m4s"/><SegmentURL media="@v-009-40.m4s"/>"#;
        for mpd in [with(template, "", ""), with("", template, ""), with("", "", template)] {
            lists(&mpd, expected);
        }
        let end = template.replace("startNumber", "endNumber=\"8\" startNumber");
        lists(&with("", "", &end), &expected.replace(r#"<SegmentURL media="@v-009-40.m4s"/>"#, ""));
    }

    #[test]
    fn of_a_template_with_a_timeline() {
        let template = |timeline: &str| {
            let media =
                r#"<SegmentTemplate presentationTimeOffset="100" media="$Number$-$Time$.m4s">"#;
            with(
                "",
                "",
                &format!("{media}<SegmentTimeline>{timeline}</SegmentTimeline></SegmentTemplate>"),
            )
        };
        let list = |entries: &[(u64, u64, u64)]| {
            let head = r#"<SegmentList presentationTimeOffset="100"><SegmentTimeline>"#;
            let times = entries.iter().map(|(_, t, d)| format!(r#"<S t="{t}" d="{d}"/>"#));
            let urls =
                entries.iter().map(|(n, t, _)| format!(r#"<SegmentURL media="@{n}-{t}.m4s"/>"#));
            let times: String = times.collect();
            format!("{head}{times}</SegmentTimeline>{}", urls.collect::<String>())
        };
        let twos = list(&[(1, 100, 2), (2, 102, 2), (3, 104, 2)]);
        lists(&template(r#"<S t="100" d="2" r="9"/>"#), &twos);
        lists(&template(r#"<S t="100" d="2" r="-1"/>"#), &twos);
        lists(&template(r#"<S t="100" d="2" r="-1"/><S t="104" d="2" r="7"/>"#), &twos);
        lists(
            &template(r#"<S t="100" d="2"/><S d="2" r="1"/><S d="2" r="99999999999999"/>"#),
            &twos,
        );
        lists(
            &template(r#"<S t="101" d="3"/><S d="1" r="9"/>"#),
            &list(&[(1, 101, 3), (2, 104, 1)]),
        );
        // What is over before the period starts is not seen, but counts.
        lists(
            &template(r#"<S d="2" r="60"/>"#),
            &list(&[(51, 100, 2), (52, 102, 2), (53, 104, 2)]),
        );
        lists(
            &template(r#"<S t="97" d="2" r="9"/>"#),
            &list(&[(2, 99, 2), (3, 101, 2), (4, 103, 2)]),
        );
        for timeline in [
            r#"<S t="100" d="0"/>"#,
            r#"<S t="100"/>"#,
            r#"<S t="100" d="2"/><S t="90" d="2"/>"#,
            r#"<S t="100" d="2" r="-1"/><S d="2"/>"#,
            r#"<S t="100" d="2" r="x"/>"#,
            r#"<S t="100" d="2" k="2"/>"#,
            r#"<S t="100" d="2" n="5"/>"#,
            r#"<Pattern/><S t="100" d="2"/>"#,
        ] {
            none(&template(timeline));
        }
        let long = template(r#"<S t="0" d="1" r="-1"/>"#).replace("=\"100\"", "=\"100000\"");
        none(&long);
    }

    #[test]
    fn of_a_list() {
        let list = |attributes: &str, content: &str| {
            format!(
                r#"<SegmentList {attributes}><Initialization sourceURL="i.mp4"/>{content}</SegmentList>"#
            )
        };
        let urls: String =
            (1..=9).map(|n| format!(r#"<SegmentURL media="{n}.m4s" index="i"/>"#)).collect();
        let mpd = with("", "", &list(r#"duration="2" startNumber="1""#, &urls));
        let init = r#"<Initialization sourceURL="@i.mp4"/>"#;
        lists(&mpd, &format!(r#"<SegmentList startNumber="1" duration="2">{init}{URLS}"#));
        let timeline = r#"<SegmentTimeline><S d="2" r="8"/></SegmentTimeline>"#;
        let mpd =
            with("", r#"<SegmentList timescale="1"/>"#, &list("", &format!("{timeline}{urls}")));
        let times = r#"<SegmentTimeline><S t="0" d="2"/><S t="2" d="2"/><S t="4" d="2"/></SegmentTimeline>"#;
        lists(&mpd, &format!(r#"<SegmentList timescale="1">{init}{times}{URLS}"#));
    }

    #[test]
    fn of_what_is_one_file() {
        for content in [
            "",
            "<BaseURL>film.mp4</BaseURL>",
            r#"<BaseURL>film.mp4</BaseURL><SegmentBase indexRange="0-9"/>"#,
            r#"<SegmentTemplate duration="2" media="film.mp4"/>"#,
            r#"<SegmentTemplate duration="2" media="$RepresentationID$.mp4"/>"#,
            r#"<SegmentTemplate media="$Number$.mp4"/>"#,
            r#"<SegmentTemplate duration="2"/>"#,
            r#"<SegmentTemplate duration="2" media="$SubNumber$-$Number$"/>"#,
            r#"<SegmentTemplate duration="2" media="$Number$" k="4"/>"#,
            r#"<SegmentTemplate duration="2" media="$Number$"><Initialization range="0-9"/></SegmentTemplate>"#,
            r#"<SegmentTemplate duration="2" media="$Number$"><Initialization sourceURL="film.mp4" range="0-9"/></SegmentTemplate>"#,
            r#"<SegmentTemplate duration="2" media="$Number$"/><SegmentList duration="2"/>"#,
            r#"<SegmentList><SegmentURL media="film.mp4"/></SegmentList>"#,
            r#"<SegmentList duration="2"><SegmentURL mediaRange="0-9"/></SegmentList>"#,
            r#"<SegmentList duration="2"><SegmentURL media="film.mp4" mediaRange="0-9"/></SegmentList>"#,
            r#"<SegmentList duration="2"><SegmentURL media="film.mp4" indexRange="0-9"/></SegmentList>"#,
            r#"<SegmentList duration="2"><SegmentURL media=""/></SegmentList>"#,
            r#"<SegmentList duration="2" xlink:href="list.xml"/>"#,
        ] {
            none(&with("", "", content));
        }
        let template = r#"<SegmentTemplate duration="2" media="$Number$"/>"#;
        none(&with(r#"<SegmentBase indexRange="0-9"/>"#, "", template));
        none(&with(r#"<ImportedMPD uri="a.mpd"/>"#, "", template));
        none(&with(template, "", "").replace("<Period>", "<Period xlink:href='p.xml'>"));
    }

    #[test]
    fn of_what_has_no_end() {
        let template = r#"<SegmentTemplate duration="2" media="$Number$"/>"#;
        let mpd = with(template, "", "");
        for kind in ["dynamic", "list", "x"] {
            none(&mpd.replace("static", kind));
        }
        none(&mpd.replace("PT20S", "P1M"));
        none(&mpd.replace("mediaPresentationDuration=\"PT20S\"", ""));
        none(&mpd.replace("<Period>", "<Period start=\"PT5S\">"));
        none(&mpd.replace("<Period>", "<Period start=\"soon\">"));
        none(&mpd.replace("duration=\"2\"", "duration=\"1\" timescale=\"100000\""));
    }

    #[test]
    fn a_presentation_that_is_short_enough_keeps_its_durations() {
        let mpd = with("", "", r#"<SegmentTemplate duration="2" media="$Number$"/>"#);
        let out = preview(30, &mpd).unwrap();
        assert!(out.contains("mediaPresentationDuration=\"PT20S\""));
        assert_eq!(out.matches("<SegmentURL").count(), 10);
        assert_eq!(preview(1, &mpd).unwrap().matches("<SegmentURL").count(), 1);
    }

    #[test]
    fn of_several_periods() {
        let period = |attributes: &str, name: &str| {
            format!(
                "<Period{attributes}><AdaptationSet><Representation id=\"v\"><SegmentTemplate duration=\"2\" \
                 media=\"{name}$Number$\"/></Representation></AdaptationSet></Period>"
            )
        };
        let [a, b, c] = ["a", "b", "c"];
        let count = |mpd: &str| {
            preview(5, mpd).map(|out| {
                [a, b, c].map(|name| out.matches(&format!("\"/ONE/videos/42/dash/{name}")).count())
            })
        };
        let lasting = " duration=\"PT3S\"";
        let all = [period(lasting, a), period(lasting, b), period(lasting, c)].concat();
        assert_eq!(count(&mpd(&all)), Ok([2, 1, 0]));
        let out = preview(5, &mpd(&all)).unwrap();
        assert!(
            out.contains("type=\"static\"") && out.contains(" mediaPresentationDuration=\"PT5S\"")
        );
        assert!(
            out.contains("<Period duration=\"PT3S\">")
                && out.contains("<Period duration=\"PT2S\">")
        );
        assert_eq!(out.matches("<Period").count(), 2);
        let starts =
            [period("", a), period(" start=\"PT3S\"", b), period(" start=\"PT4.5S\"", c)].concat();
        let starts = mpd(&starts).replace("<MPD", "<MPD mediaPresentationDuration=\"PT9S\"");
        assert_eq!(count(&starts), Ok([2, 1, 1]));
        assert_eq!(count(&starts.replace(" start=\"PT3S\"", "")), Err(ManifestError::NoPreview));
        let nothing =
            r#"<Period xlink:href="urn:mpeg:dash:resolve-to-zero:2013" duration="PT9S"/>"#;
        assert_eq!(count(&mpd(&[nothing, &all].concat())), Ok([2, 1, 0]));
    }

    #[test]
    fn bases_stay_and_addresses_get_a_token_each() {
        let template = r#"<SegmentTemplate duration="5" media="$Number$"/>"#;
        let content =
            |bases: &str| with("", "", template).replace("<Period>", &format!("{bases}<Period>"));
        let base = "<BaseURL>../v/</BaseURL>";
        let out = preview(5, &content(base)).unwrap();
        assert!(out.contains(base) && out.contains("media=\"/ONE/videos/42/v/1\""), "{out}");
        let base = "<BaseURL>https://other.example/</BaseURL>";
        let out = preview(5, &content(base)).unwrap();
        assert!(out.contains(base) && out.contains("media=\"1\""), "{out}");
        none(&content("<BaseURL>a/</BaseURL><BaseURL>b/</BaseURL>"));
        none(&content("<BaseURL>a/</BaseURL><BaseURL>https://other.example/</BaseURL>"));
        let out = preview(5, &content("<BaseURL>./</BaseURL><BaseURL>../dash/</BaseURL>")).unwrap();
        assert!(out.contains("media=\"/ONE/videos/42/dash/1\""), "{out}");
    }

    #[test]
    fn a_list_stands_where_something_was_said_or_at_the_end() {
        let template = r#"<SegmentTemplate duration="5" media="$Number$"/>"#;
        let list = |prefix: &str| {
            format!(
                r#"<{prefix}SegmentList duration="5"><{prefix}SegmentURL media="/ONE/videos/42/dash/1"/></{prefix}SegmentList>"#
            )
        };
        let mpd = with("", template, "<A/>");
        let expected = with("", "", &format!("<A/>{}", list(""))).replace("PT20S", "PT5S");
        assert_eq!(preview(5, &mpd), Ok(expected));
        let mpd = with("", "", &format!("<!-- 1 -->{template}<!-- 2 -->"));
        let expected =
            with("", "", &format!("<!-- 1 -->{}<!-- 2 -->", list(""))).replace("PT20S", "PT5S");
        assert_eq!(preview(5, &mpd), Ok(expected));
        let alone = |prefix: &str, info: &str, end: &str| {
            format!(
                "<p:MPD xmlns:p=\"p\" mediaPresentationDuration='PT5S'><p:Period>{info}<p:AdaptationSet>\
                 <{prefix}Representation id='v' {end}</p:AdaptationSet></p:Period></p:MPD>"
            )
        };
        for prefix in ["p:", ""] {
            let end = format!(">{}</{prefix}Representation>", list(prefix));
            let info = template.replace("<Seg", "<p:Seg");
            assert_eq!(preview(5, &alone(prefix, &info, "/>")), Ok(alone(prefix, "", &end)));
        }
    }
}
