//! DASH manifests (ISO/IEC 23009-1).

mod addresses;
mod bases;
#[cfg(test)]
mod cases;
mod document;
mod duration;
mod edits;
mod list;
mod onward;
mod parser;
mod patch;
mod preview;
mod schema;
mod segments;
mod sidecar;
mod template;
#[cfg(test)]
mod testing;
mod writer;

use crate::outcome::AddressReport;
use crate::rewriter::Rewriter;
use crate::{ManifestError, bounds};

use self::writer::MpdWriter;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// Rewrites an MPD, an MPD patch, or remote elements of an MPD. Every byte stays as it is, except
/// addresses, settings that make players send the token elsewhere, and, in a preview, segments and
/// durations.
pub(crate) fn rewrite(rewriter: &Rewriter, mpd: &str) -> Result<String, ManifestError> {
    rewrite_with(rewriter, mpd).map(|(out, _)| out)
}

/// [`rewrite`] that also reports the outcome for each address.
pub(crate) fn explain(
    rewriter: &Rewriter,
    mpd: &str,
) -> Result<(String, Vec<AddressReport>), ManifestError> {
    let mut rewriter = rewriter.clone();
    rewriter.keeps_log = true;
    let (out, mut log) = rewrite_with(&rewriter, mpd)?;
    log.sort_by_key(|(at, _)| *at);
    let (mut line, mut from) = (1_usize, 0);
    let log = log.into_iter().map(|(at, written)| {
        let text = mpd.as_bytes().get(from..at).unwrap_or_default();
        line = line.saturating_add(text.iter().filter(|byte| **byte == b'\n').count());
        from = at;
        AddressReport { line, ..written }
    });
    Ok((out, log.collect()))
}

fn rewrite_with(
    rewriter: &Rewriter,
    mpd: &str,
) -> Result<(String, Vec<(usize, AddressReport)>), ManifestError> {
    if rewriter.host.is_none() {
        return Err(ManifestError::NoHost);
    }
    let source = mpd.strip_prefix(BYTE_ORDER_MARK).unwrap_or(mpd);
    let document = parser::parse(source)?;
    let MpdWriter { edits, log, .. } = match rewriter.preview {
        None => addresses::write(rewriter, &document)?,
        Some(secs) => preview::write(rewriter, &document, secs)?,
    };
    // With the largest MPDs, it takes more memory than the MPD itself.
    drop(document);
    let mut out = String::new();
    if source.len() < mpd.len() {
        out.push(BYTE_ORDER_MARK);
    }
    edits.apply(source, &mut out)?;
    bounds::check(mpd.len(), out.len())?;
    Ok((out, log))
}

#[cfg(test)]
mod tests {
    use super::testing::{Came, mpd, rewriter, rewritten};
    use super::*;
    use crate::Kind;
    use crate::public::PublicPaths;
    use Came::{InPath, InQuery, Run};

    /// An MPD of many segments, each with one of the longest tokens.
    #[test]
    fn what_grows_too_large_is_not_explained_either() {
        let [id, name] = [64, 255].map(|n| &*"a".repeat(n).leak());
        let rewriter = testing::rewriter_on(InQuery, "", |link| {
            link.download(name).session(id).subject(id).token_id(id)
        });
        let with = |n: usize| {
            let urls = "<SegmentURL media='a'/>".repeat(n);
            mpd(&period(&format!(
                "<Representation><SegmentList>{urls}</SegmentList></Representation>"
            )))
        };
        for (n, result) in [(10, Ok(())), (26_000, Err(ManifestError::TooLarge))] {
            let mpd = with(n);
            assert_eq!(rewriter.rewrite(Kind::Dash, &mpd).map(drop), result, "{n}");
            assert_eq!(rewriter.explain(Kind::Dash, &mpd).map(drop), result, "{n}");
        }
    }

    /// Checks `content` in an MPD, before and after rewriting.
    #[track_caller]
    fn becomes(came: Came, content: &str, expected: &str) {
        assert_eq!(rewritten(&rewriter(came), &mpd(content)), Ok(mpd(expected)), "{came:?}");
    }

    #[track_caller]
    fn stays(came: Came, content: &str) {
        becomes(came, content, content);
    }

    fn period(content: &str) -> String {
        format!("<Period><AdaptationSet>{content}</AdaptationSet></Period>")
    }

    #[test]
    fn every_element_with_an_address() {
        for (content, expected) in [
            ("<BaseURL>a/</BaseURL>", "<BaseURL>/TOKEN/videos/42/dash/a/</BaseURL>"),
            ("<Location>a.mpd</Location>", "<Location>/TOKEN/videos/42/dash/a.mpd</Location>"),
            (
                "<PatchLocation ttl='9'>p.mpp</PatchLocation>",
                "<PatchLocation ttl='9'>/TOKEN/videos/42/dash/p.mpp</PatchLocation>",
            ),
            (
                "<ContentSteering queryBeforeStart='true'>s.json</ContentSteering>",
                "<ContentSteering queryBeforeStart='true'>/TOKEN/videos/42/dash/s.json</ContentSteering>",
            ),
            (
                r#"<Period xmlns:x="http://www.w3.org/1999/xlink" x:href="p.xml"/>"#,
                r#"<Period xmlns:x="http://www.w3.org/1999/xlink" x:href="/TOKEN/videos/42/dash/p.xml"/>"#,
            ),
            (
                r#"<Period xlink:href="p.xml"/>"#,
                r#"<Period xlink:href="/TOKEN/videos/42/dash/p.xml"/>"#,
            ),
            (
                r#"<InitializationSet initialization="i.mp4"/>"#,
                r#"<InitializationSet initialization="/TOKEN/videos/42/dash/i.mp4"/>"#,
            ),
            (
                r#"<Period><ImportedMPD uri="../i.mpd"/></Period>"#,
                r#"<Period><ImportedMPD uri="/TOKEN/videos/42/i.mpd"/></Period>"#,
            ),
        ] {
            becomes(InQuery, content, expected);
            stays(InPath, content);
        }
    }

    #[test]
    fn every_element_with_an_address_of_segments() {
        for (content, addresses) in [
            (r#"<SegmentBase><Initialization sourceURL="i.mp4"/></SegmentBase>"#, 1),
            (r#"<SegmentBase><RepresentationIndex sourceURL="i.idx"/></SegmentBase>"#, 1),
            (r#"<SegmentList><SegmentURL media="1.m4s" index="1.idx"/></SegmentList>"#, 2),
            (r#"<SegmentList><BitstreamSwitching sourceURL="b.mp4"/></SegmentList>"#, 1),
            (r#"<SegmentList xlink:href="list.xml"/>"#, 1),
            (r#"<SegmentTemplate media="$Number%05d$.m4s" index="$Time$.idx"/>"#, 2),
            (r#"<SegmentTemplate initialization="i_$Bandwidth$" bitstreamSwitching="b$$"/>"#, 2),
            (r#"<SegmentTemplate><Initialization sourceURL="i.mp4"/></SegmentTemplate>"#, 1),
        ] {
            for content in [
                format!(
                    "<Period>{content}<AdaptationSet><Representation/></AdaptationSet></Period>"
                ),
                period(&format!("{content}<Representation/>")),
                period(&format!("<Representation>{content}</Representation>")),
            ] {
                let once = rewritten(&rewriter(InQuery), &mpd(&content)).unwrap();
                assert_eq!(once.matches("=\"/TOKEN/videos/42/dash/").count(), addresses, "{once}");
                assert_eq!(once.replace("/TOKEN/videos/42/dash/", ""), mpd(&content));
                stays(InPath, &content);
            }
        }
    }

    #[test]
    fn what_is_no_address_of_media_stays() {
        for content in [
            r#"<UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2026-01-01T00:00:00Z"/>"#,
            r#"<UTCTiming schemeIdUri="urn:mpeg:dash:utc:ntp:2014" value="ntp.example.com"/>"#,
            r#"<Metrics metrics="x"><Reporting schemeIdUri="u" value="v"/></Metrics>"#,
            r#"<ProgramInformation moreInformationURL="more"/>"#,
            r#"<EssentialProperty schemeIdUri="u" value="v"/><SupplementalProperty media="v"/>"#,
            r#"<Period xlink:href="urn:mpeg:dash:resolve-to-zero:2013"/>"#,
            r#"<Period><EventStream><Event><S xmlns="u" media="a"><BaseURL>a/</BaseURL></S></Event></EventStream></Period>"#,
            r#"<ContentProtection><l:Laurl xmlns:l="l">license</l:Laurl></ContentProtection>"#,
            "<BaseURL>https://other.example/videos/42/</BaseURL>",
            "<BaseURL>//other.example/videos/42/</BaseURL>",
            "<BaseURL>data:,x</BaseURL>",
            "<BaseURL>/videos/43/</BaseURL>",
            "<BaseURL/>",
            "<BaseURL> </BaseURL>",
            "<!-- <BaseURL>a/</BaseURL> --><?a <BaseURL>a/</BaseURL> ?>",
            "<ProgramInformation><Title><![CDATA[<BaseURL>a/</BaseURL>]]></Title></ProgramInformation>",
        ] {
            stays(InQuery, content);
            stays(InPath, content);
        }
    }

    #[test]
    fn bases_lead_from_level_to_level() {
        let template =
            r#"<Representation id="1"><SegmentTemplate media="s_$Number$.m4s"/></Representation>"#;
        let rest = period(template);
        let with = |base: &str| format!("<BaseURL>{base}</BaseURL>{rest}");
        let token = |base: &str| with(&format!("/TOKEN{base}"));
        for (base, expected) in [
            ("./", token("/videos/42/dash/")),
            ("video", token("/videos/42/dash/video")),
            ("../", token("/videos/42/")),
            ("https://cdn.example.com/videos/42/", token("/videos/42/")),
            ("//cdn.example.com/videos/42/a?b#c", token("/videos/42/a?b#c")),
        ] {
            becomes(InQuery, &with(base), &expected);
        }
        // No address above the scope may carry the token, but some below it may.
        for base in ["/", "https://cdn.example.com/", "../../../"] {
            stays(InQuery, &with(base));
            let below = with(base).replace("s_", "videos/42/s_");
            let expected = with(base).replace("s_", "/TOKEN/videos/42/s_");
            becomes(InQuery, &below, &expected);
        }
        stays(InQuery, &with("https://other.example/videos/42/"));
        // Whatever the base, an address that names this host leads here.
        let absolute =
            with("https://other.example/").replace("s_", "https://cdn.example.com/videos/42/s_");
        let expected = with("https://other.example/").replace("s_", "/TOKEN/videos/42/s_");
        becomes(InQuery, &absolute, &expected);
        becomes(InPath, &absolute, &expected);
    }

    #[test]
    fn a_base_may_be_a_file() {
        let content = |base: &str| {
            period(&format!(
                r#"<Representation><BaseURL>{base}</BaseURL><SegmentBase indexRange="0-9"><Initialization range="0-9"/></SegmentBase></Representation>"#
            ))
        };
        becomes(InQuery, &content("film.mp4"), &content("/TOKEN/videos/42/dash/film.mp4"));
        stays(InPath, &content("film.mp4"));
        becomes(InPath, &content("/videos/42/film.mp4"), &content("/TOKEN/videos/42/film.mp4"));
    }

    #[test]
    fn a_template_above_is_resolved_below() {
        let content = |template: &str, first: &str, second: &str| {
            format!(
                r#"<Period><SegmentTemplate media="{template}"/><AdaptationSet>
                <Representation id="1"><BaseURL>{first}</BaseURL></Representation>
                <Representation id="2"><BaseURL>{second}</BaseURL></Representation>
                </AdaptationSet></Period>"#
            )
        };
        // The bases have the token.
        becomes(
            InQuery,
            &content("$Number$", "a/", "b/"),
            &content("$Number$", "/TOKEN/videos/42/dash/a/", "/TOKEN/videos/42/dash/b/"),
        );
        // One base has the token, and one cannot: a path of this host would be a path of the other host.
        let other = "https://other.example/";
        becomes(
            InQuery,
            &content("/videos/42/$Number$", "a/", other),
            &content("/videos/42/$Number$", "/TOKEN/videos/42/dash/a/", other),
        );
        // It leads to the same place from both bases.
        let here = ["/", "https://cdn.example.com/videos/"];
        becomes(
            InQuery,
            &content("/videos/42/$Number$", here[0], here[1]),
            &content("/TOKEN/videos/42/$Number$", here[0], here[1]),
        );
        // It leads to two places, and each would need a different address.
        stays(InQuery, &content("42/$Number$", here[0], here[1]));
        stays(InQuery, &content("42/$Number$", here[1], here[0]));
        // The level of the template does not matter.
        let level = |template: &str| {
            content(template, here[0], here[0])
                .replace("<Period>", "<Period><BaseURL>//other.example/</BaseURL>")
        };
        stays(InQuery, &level("/videos/42/$Number$"));
        let level = |template: &str| {
            let here = "https://cdn.example.com/";
            content(template, here, here)
                .replace("<Period>", "<Period><BaseURL>//other.example/</BaseURL>")
        };
        becomes(InQuery, &level("/videos/42/$Number$"), &level("/TOKEN/videos/42/$Number$"));
    }

    #[test]
    fn alternatives_are_combined() {
        let content = |first: &str, second: &str, media: &str| {
            let template = format!(r#"<SegmentTemplate media="{media}"/>"#);
            let rest = period(&format!(
                "<Representation><BaseURL>v/</BaseURL>{template}</Representation>"
            ));
            format!("<BaseURL>{first}</BaseURL><BaseURL>{second}</BaseURL>{rest}")
        };
        let [ours, other] = ["https://cdn.example.com/videos/42/", "https://other.example/42/"];
        let written = "/TOKEN/videos/42/";
        becomes(InQuery, &content(ours, other, "$Time$"), &content(written, other, "$Time$"));
        becomes(InQuery, &content(other, ours, "$Time$"), &content(other, written, "$Time$"));
        let absolute = "https://cdn.example.com/videos/42/$Time$";
        let own = "/TOKEN/videos/42/$Time$";
        becomes(InQuery, &content(ours, other, absolute), &content(written, other, own));
        becomes(InPath, &content(other, ours, absolute), &content(other, written, own));
        let foreign = |media: &str| content("https://a.example/", "https://b.example/", media);
        becomes(InQuery, &foreign(absolute), &foreign(own));
        let many = "<BaseURL>/videos/42/a/</BaseURL><BaseURL>/videos/42/b/</BaseURL>";
        let many = |n: usize| {
            (0..n).fold(String::new(), |all, n| {
                let bases = many.replace("a/", &format!("{n}/"));
                format!("<a>{bases}{all}</a>")
            })
        };
        assert!(rewritten(&rewriter(InQuery), &mpd(&many(64).replace("/videos", "v"))).is_err());
        assert!(rewritten(&rewriter(InPath), &mpd(&many(8))).is_ok());
    }

    #[test]
    fn a_location_is_a_base_as_well() {
        let content = |location: &str, media: &str| {
            let template =
                format!(r#"<Representation><SegmentTemplate media="{media}"/></Representation>"#);
            format!("<Location>{location}</Location>{}", period(&template))
        };
        let own = "https://cdn.example.com/videos/42/dash/manifest.mpd";
        let written = "/TOKEN/videos/42/dash/manifest.mpd";
        becomes(
            InQuery,
            &content(own, "$Time$"),
            &content(written, "/TOKEN/videos/42/dash/$Time$"),
        );
        becomes(InPath, &content(own, "$Time$"), &content(written, "$Time$"));
        // Players that start from the `Location` come here too.
        let other = "https://other.example/live.mpd";
        for came in [InQuery, InPath, Run] {
            let written = content(other, "/TOKEN/videos/42/dash/$Time$");
            becomes(came, &content(other, "$Time$"), &written);
            let written = content(other, "/TOKEN/videos/42/$Time$");
            becomes(came, &content(other, "/videos/42/$Time$"), &written);
        }
        // Both places have the token if both bases inherit it.
        let live = content("/videos/42/live/one.mpd", "$Time$");
        let written = "/TOKEN/videos/42/live/one.mpd";
        becomes(InPath, &live, &content(written, "$Time$"));
        becomes(InQuery, &live, &content(written, "/TOKEN/videos/42/dash/$Time$"));
        // One player starts from a level above.
        becomes(
            InQuery,
            &content("../manifest.mpd", "$Time$"),
            &content("/TOKEN/videos/42/manifest.mpd", "/TOKEN/videos/42/dash/$Time$"),
        );
    }

    #[test]
    fn public_media_lose_the_token() {
        let public = || PublicPaths::new(vec![], vec!["m4s".into()]);
        let content = |bases: &str, media: &str| {
            let template = format!(r#"<SegmentTemplate media="{media}" initialization="i.mp4"/>"#);
            let rest = period(&format!("<Representation>{template}</Representation>"));
            mpd(&format!("{bases}{rest}"))
        };
        let path = rewriter(InPath).public_paths(public());
        let clean = "/videos/42/dash/$Number$.m4s";
        assert_eq!(rewritten(&path, &content("", "$Number$.m4s")), Ok(content("", clean)));
        let own = "<Location>manifest.mpd</Location>";
        assert_eq!(rewritten(&path, &content(own, "$Number$.m4s")), Ok(content(own, clean)));
        // The directory needs the token, because not everything in it is public.
        let base = "<BaseURL>/videos/42/dash/</BaseURL>";
        let written = "<BaseURL>/TOKEN/videos/42/dash/</BaseURL>";
        assert_eq!(rewritten(&path, &content(base, "$Number$.m4s")), Ok(content(written, clean)));
        let other = "<BaseURL>a/</BaseURL><BaseURL>//other.example/</BaseURL>";
        let same = content(other, "$Number$.m4s");
        assert_eq!(rewritten(&path, &same).as_ref(), Ok(&same));
        let query = rewriter(InQuery).public_paths(public());
        let expected = content("", "$Number$.m4s").replace("i.mp4", "/TOKEN/videos/42/dash/i.mp4");
        assert_eq!(rewritten(&query, &content("", "$Number$.m4s")), Ok(expected));
    }

    #[test]
    fn ids_only_fill_a_part_of_a_segment() {
        let content = |id: &str, media: &str| {
            period(&format!(r#"<SegmentTemplate media="{media}"/><Representation id="{id}"/>"#))
        };
        let media = "$RepresentationID$/$Time$";
        let written = "/TOKEN/videos/42/dash/$RepresentationID$/$Time$";
        for id in ["1", "video=800000", "v.1", "..a", "video/avc1", "a/b/..c", "ä", "a b"] {
            becomes(InQuery, &content(id, media), &content(id, written));
        }
        // An id that is deeper than it looks cannot be left with a dot segment.
        let up = "$RepresentationID$/../$Time$";
        becomes(InQuery, &content("a", up), &content("a", "/TOKEN/videos/42/dash/$Time$"));
        stays(InQuery, &content("a/b", up));
        stays(InQuery, &content("a/b", &up.replace("..", "%2E.")));
        for id in
            ["..", ".", "", "/a", "a/", "a//b", "a/../b", "https:", "//h/", "a%2F", "a?b", "$Time$"]
        {
            stays(InQuery, &content(id, media));
            becomes(InQuery, &content(id, "$Time$"), &content(id, "/TOKEN/videos/42/dash/$Time$"));
        }
    }

    #[test]
    fn only_the_value_of_an_attribute_changes() {
        for (content, expected) in [
            (
                "<Representation\n\tid = '1' ><SegmentTemplate  media = 'a$Time$'\r\n/></Representation >",
                "<Representation\n\tid = '1' ><SegmentTemplate  media = '/TOKEN/videos/42/dash/a$Time$'\r\n/></Representation >",
            ),
            (
                "<SegmentList><SegmentURL media=' a?b=1&amp;c=&quot; '/></SegmentList>",
                "<SegmentList><SegmentURL media=' /TOKEN/videos/42/dash/a?b=1&amp;c=%22 '/></SegmentList>",
            ),
            (
                "<SegmentList><SegmentURL media=\"&#x61;&#47;'\"/></SegmentList>",
                "<SegmentList><SegmentURL media=\"/TOKEN/videos/42/dash/a/&apos;\"/></SegmentList>",
            ),
            (
                "<SegmentList><SegmentURL a='&lt;!---->' media='a'/></SegmentList>",
                "<SegmentList><SegmentURL a='&lt;!---->' media='/TOKEN/videos/42/dash/a'/></SegmentList>",
            ),
        ] {
            let used = |content: &str| period(&format!("{content}<Representation/>"));
            becomes(InQuery, &used(content), &used(expected));
        }
    }

    #[test]
    fn what_nobody_uses_stays() {
        stays(
            InQuery,
            "<Period><SegmentTemplate media='a'/><AdaptationSet><BaseURL>/b/</BaseURL></AdaptationSet></Period>",
        );
    }

    #[test]
    fn only_the_address_in_a_text_changes() {
        let written = "/TOKEN/videos/42/dash/a?b&amp;c/";
        for (text, expected) in [
            ("a?b&amp;c/", written.into()),
            ("\n  a?b&#38;c/\t", format!("\n  {written}\t")),
            ("<![CDATA[a?b&c/]]>", written.into()),
            ("<!-- 1 --> <![CDATA[ a?b]]>&amp;c/<?pi?>", written.into()),
        ] {
            let content = |text: &str| format!("<BaseURL>{text}</BaseURL>");
            becomes(InQuery, &content(text), &content(&expected));
        }
    }

    #[test]
    fn prefixes_are_those_of_the_root() {
        let mpd = |location: &str, base: &str| {
            format!(
                "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<d:MPD xmlns:d=\"urn:mpeg:dash:schema:mpd:2011\" \
                 type=\"dynamic\"><d:ProgramInformation/><d:BaseURL>{base}</d:BaseURL>{location}\
                 <d:PatchLocation>a</d:PatchLocation><b:BaseURL xmlns:b=\"b\">a/</b:BaseURL></d:MPD>\n<!-- end -->"
            )
        };
        assert_eq!(
            rewritten(&rewriter(InQuery), &mpd("", "a/")),
            Ok(mpd("", "/TOKEN/videos/42/dash/a/")
                .replace(">a</d:Pat", ">/TOKEN/videos/42/dash/a</d:Pat"))
        );
        let location = "<d:Location>/TOKEN/videos/42/dash/manifest.mpd</d:Location>";
        assert_eq!(
            rewritten(&rewriter(Run), &mpd("", "a/")),
            Ok(mpd(location, "/TOKEN/videos/42/dash/a/")
                .replace(">a</d:Pat", ">/TOKEN/videos/42/dash/a</d:Pat"))
        );
    }

    #[test]
    fn a_dynamic_mpd_is_reloaded_with_the_new_token() {
        let dynamic = |content: &str| mpd(content).replace("static", "dynamic");
        let own = "<Location>/TOKEN/videos/42/dash/manifest.mpd</Location>";
        let run = rewriter(Run);
        for before in ["", "<ProgramInformation/>", "<ProgramInformation/><BaseURL>/</BaseURL>"] {
            let after = "<ServiceDescription/><Period/>";
            let expected = dynamic(&format!("{before}{own}{after}"));
            assert_eq!(rewritten(&run, &dynamic(&format!("{before}{after}"))), Ok(expected));
        }
        let location =
            dynamic("<Location>https://cdn.example.com/videos/42/dash/manifest.mpd</Location>");
        assert_eq!(rewritten(&run, &location), Ok(dynamic(own)));
        // Relative addresses would take the old token along.
        let content =
            period(r#"<Representation><SegmentTemplate media="$Time$"/></Representation>"#);
        let expected = content.replace("$Time$", "/TOKEN/videos/42/dash/$Time$");
        assert_eq!(rewritten(&run, &dynamic(&content)), Ok(dynamic(&format!("{own}{expected}"))));
        becomes(Run, &content, &expected);
        assert_eq!(rewritten(&rewriter(InPath), &dynamic("<Period/>")), Ok(dynamic("<Period/>")));
    }
}
