//! Presentations after public reports, each for its kind, with what is right.

use Came::{DashPreview, InPath, InQuery, SegmentRun};

use crate::ManifestError;
use crate::dash::testing::{Came, carrier_of, mpd, rewriter, rewritten};
use crate::public::PublicPaths;

/// What `path` says for a link in the path, `query` for one in the query and for one with `run`.
#[track_caller]
fn becomes(before: &str, path: &str, query: &str) {
    for (came, expected) in [(InPath, path), (InQuery, query), (SegmentRun, query)] {
        assert_eq!(rewritten(&rewriter(came), before).as_deref(), Ok(expected), "{came:?}");
    }
}

/// An MPD with one Representation of this id and template.
fn of(set: &str, id: &str, template: &str) -> String {
    mpd(&format!(
        "<Period><AdaptationSet>{set}<SegmentTemplate duration=\"4\" media=\"{template}\"/>\
         <Representation id=\"{id}\"/></AdaptationSet></Period>"
    ))
}

#[test]
fn an_id_with_slashes() {
    let of = |media| of("", "video/avc1", media);
    let media = "$RepresentationID$/seg-$Number$.m4s";
    becomes(&of(media), &of(media), &of(&format!("/TOKEN/videos/42/dash/{media}")));
}

#[test]
fn formats_of_identifiers() {
    for media in
        ["$Time%08x$", "$Time%016X$.m4s", "v-$Number%05$.m4s", "$Number%03u$", "$Number%01o$"]
    {
        let of = |media: &str| of("", "1", media);
        becomes(&of(media), &of(media), &of(&format!("/TOKEN/videos/42/dash/{media}")));
    }
    // No player knows these.
    for media in ["$Time%08e$", "$Time%x$", "$Number%5$", "$Number%0$", "$Number%05dd$"] {
        becomes(&of("", "1", media), &of("", "1", media), &of("", "1", media));
    }
}

/// Who uses what is said of segments is asked only where something is: many Periods take no more time each
/// than few.
#[test]
fn many_periods_with_bases_on_every_level() {
    let other = |n| format!("<BaseURL>https://other.example/{n}/</BaseURL>");
    let own = |n| format!("<BaseURL>a{n}/</BaseURL>");
    let representations = |count: usize, template: &str| -> String {
        let one = |n| {
            format!(
                "<Representation id=\"{n}\"><BaseURL>x{n}/</BaseURL>{template}</Representation>"
            )
        };
        (0..count).map(one).collect()
    };
    let template = "<SegmentTemplate media=\"$Number$\"/>";
    for head in [
        [own(0), own(1), own(2), own(3)].concat(),
        [own(0), other(0)].concat(),
        [own(0), own(1), other(0), other(1)].concat(),
    ] {
        for (periods, count, set, each) in
            [(60, 12, template, ""), (60, 12, "", template), (1, 2000, template, "")]
        {
            let period = |n| {
                format!(
                    "<Period><BaseURL>p{n}/</BaseURL><AdaptationSet>{set}{}</AdaptationSet></Period>",
                    representations(count, each)
                )
            };
            let periods: String = (0..periods).map(period).collect();
            let long = mpd(&[head.as_str(), &periods].concat());
            let written = head.replace(">a", ">/TOKEN/videos/42/dash/a");
            let written = mpd(&[written.as_str(), &periods].concat());
            becomes(&long, &long, &written);
        }
    }
}

#[test]
fn more_bases_than_are_held() {
    let each = |name: &str, count: usize| -> String {
        (0..count).map(|n| format!("<{name}>b{n}/</{name}>")).collect()
    };
    let set = |media: &str, more: &str| {
        let one =
            |n| format!("<Representation id=\"{n}\"><BaseURL>r{n}/</BaseURL></Representation>");
        let all: String = (0..65).map(one).collect();
        let template = format!("<SegmentTemplate media=\"{media}\"/>");
        mpd(&format!("<Period><AdaptationSet>{template}{all}{more}</AdaptationSet></Period>"))
    };
    let more =
        "<Representation id=\"o\"><BaseURL>https://other.example/</BaseURL></Representation>";
    for more in ["", more] {
        let before = set("$Number$.m4s", more);
        becomes(&before, &before, &before.replace(">r", ">/TOKEN/videos/42/dash/r"));
    }
    for media in ["/videos/42/$Number$.m4s", "https://cdn.example.com/videos/42/$Number$.m4s"] {
        let (before, path) = (set(media, ""), set("/TOKEN/videos/42/$Number$.m4s", ""));
        becomes(&before, &path, &path.replace(">r", ">/TOKEN/videos/42/dash/r"));
    }
    let period = ["<Period>", &each("BaseURL", 9), "</Period>"].concat();
    for too_many in [
        set("../$Number$.m4s", ""),
        mpd(&each("BaseURL", 65)),
        mpd(&[each("BaseURL", 9), period].concat()),
        mpd(&each("Location", 65)),
    ] {
        for came in [InPath, InQuery, SegmentRun] {
            let refused = rewritten(&rewriter(came), &too_many);
            assert_eq!(refused, Err(ManifestError::TooComplex), "{came:?}: {too_many}");
        }
    }
    // What is written with its host starts from no Location.
    let both = mpd(&[each("Location", 33), each("BaseURL", 2)].concat());
    assert_eq!(rewritten(&rewriter(InPath), &both), Err(ManifestError::TooComplex));
    let written = both.replace(">b", ">/TOKEN/videos/42/dash/b");
    assert_eq!(rewritten(&rewriter(InQuery), &both), Ok(written));
}

#[test]
fn an_imported_mpd() {
    let of = |content: &str| mpd(&format!("<Period>{content}</Period>")).replace("static", "list");
    for with in [
        |address: &str| {
            format!("<ImportedMPD earliestResolutionTimeOffset=\"0\">{address}</ImportedMPD>")
        },
        |address: &str| format!("<ImportedMPD uri=\"{address}\"/>"),
        |address: &str| format!("<ImportedMPD>\n {address} \n</ImportedMPD>"),
    ] {
        let spot = of(&with("spot.mpd"));
        becomes(&spot, &spot, &of(&with("/TOKEN/videos/42/dash/spot.mpd")));
        let root = of(&with("/videos/42/spot.mpd"));
        let written = of(&with("/TOKEN/videos/42/spot.mpd"));
        becomes(&root, &written, &written);
    }
    let based = |address: &str| {
        of(&format!(
            "<BaseURL>https://other.example/</BaseURL><ImportedMPD>{address}</ImportedMPD>"
        ))
    };
    becomes(&based("spot.mpd"), &based("spot.mpd"), &based("spot.mpd"));
}

#[test]
fn other_presentations() {
    for with in [
        |address: &str| {
            format!(
                "<SupplementalProperty schemeIdUri=\"urn:mpeg:dash:chaining:2016\" value=\"{address}\"/>"
            )
        },
        |address: &str| {
            format!(
                "<EssentialProperty schemeIdUri=\"urn:mpeg:dash:mpd-chaining:2016\" value=\"{address}\"/>"
            )
        },
        |address: &str| {
            format!(
                "<EssentialProperty schemeIdUri=\"urn:mpeg:dash:fallback:2016\" value=\"//other.example/a.mpd {address} b:c\"/>"
            )
        },
        |address: &str| {
            format!(
                "<Period><EventStream schemeIdUri=\"urn:mpeg:dash:event:alternativeMPD:insert:2025\">\
                 <Event><InsertPresentation url=\"{address}\"/></Event></EventStream></Period>"
            )
        },
        |address: &str| {
            format!(
                "<Period><EventStream schemeIdUri=\"urn:mpeg:dash:event:alternativeMPD:replace:2025\">\
                 <Event><ReplacePresentation uri=\"{address}\"/></Event></EventStream></Period>"
            )
        },
        |address: &str| {
            format!(
                "<Period><EventStream><Event><AlternativeMPD uri=\"{address}\"/></Event></EventStream></Period>"
            )
        },
    ] {
        let [relative, root, other] = ["next.mpd", "/videos/42/next.mpd", "https://other.example/"]
            .map(|address| mpd(&with(address)));
        let [beside, above] = ["/TOKEN/videos/42/dash/next.mpd", "/TOKEN/videos/42/next.mpd"]
            .map(|address| mpd(&with(address)));
        becomes(&relative, &relative, &beside);
        becomes(&root, &above, &above);
        becomes(&other, &other, &other);
    }
}

#[test]
fn clocks_fonts_and_callbacks() {
    for with in [
        |address: &str| {
            format!(
                "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"{address}\"/>"
            )
        },
        |address: &str| {
            format!(
                "<UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-head:2014\" value=\"https://other.example/ {address}\"/>"
            )
        },
        |address: &str| {
            format!(
                "<Period><AdaptationSet><Representation><ProducerReferenceTime><UTCTiming \
                 schemeIdUri='urn:mpeg:dash:utc:http-xsdate:2014' value='{address}'/>\
                 </ProducerReferenceTime></Representation></AdaptationSet></Period>"
            )
        },
        |address: &str| {
            format!(
                "<Period><AdaptationSet><SupplementalProperty xmlns:dvb=\"urn:dvb:dash:dash-extensions:2014-1\" \
                 schemeIdUri=\"urn:dvb:dash:fontdownload:2014\" value=\"1\" dvb:url=\"{address}\" \
                 dvb:mimeType=\"application/font-woff\"/></AdaptationSet></Period>"
            )
        },
        |address: &str| {
            format!(
                "<Period><EventStream schemeIdUri=\"urn:mpeg:dash:event:callback:2015\"><Event \
                 messageData=\"{address}\"/><Event>{address}</Event></EventStream></Period>"
            )
        },
        |address: &str| {
            format!(
                "<ServiceDescription><ContentSteering>{address}</ContentSteering></ServiceDescription>"
            )
        },
    ] {
        let [relative, other] =
            ["clock", "https://other.example/clock"].map(|address| mpd(&with(address)));
        becomes(&relative, &relative, &mpd(&with("/TOKEN/videos/42/dash/clock")));
        becomes(&other, &other, &other);
    }
    // What is encoded is nobody's address.
    let encoded =
        mpd("<Period><EventStream schemeIdUri=\"urn:mpeg:dash:event:callback:2015\"><Event \
         contentEncoding=\"base64\" messageData=\"YQ\"/></EventStream></Period>");
    becomes(&encoded, &encoded, &encoded);
}

#[test]
fn parts_of_an_mpd() {
    const NS: &str = "xmlns=\"urn:mpeg:dash:schema:mpd:2011\"";
    let template = |address: &str| {
        format!(
            "<AdaptationSet><SegmentTemplate media=\"{address}\"/><Representation id=\"1\"/></AdaptationSet>"
        )
    };
    for with in [
        |content: &str| format!("<Period {NS} id=\"7\" duration=\"PT15S\">{content}</Period>"),
        |content: &str| format!("<Period {NS}/>\n<Period {NS}>{content}</Period>"),
        |content: &str| {
            format!(
                "<Patch xmlns=\"urn:mpeg:dash:schema:mpd-patch:2020\" mpdId=\"1\"><add sel=\"/MPD\">\
                 <p:Period xmlns:p=\"urn:mpeg:dash:schema:mpd:2011\"/><Period>{content}</Period></add></Patch>"
            )
        },
    ] {
        let [relative, root, written, above] = [
            "v-$Number$.m4s",
            "/videos/42/v-$Number$.m4s",
            "/TOKEN/videos/42/dash/v-$Number$.m4s",
            "/TOKEN/videos/42/v-$Number$.m4s",
        ]
        .map(|address| with(&template(address)));
        becomes(&relative, &relative, &written);
        becomes(&root, &above, &above);
    }
    for with in [
        |address: &str| {
            format!("<SegmentList {NS}><SegmentURL media=\"{address}\"/></SegmentList>")
        },
        |address: &str| format!("<SegmentTemplate {NS} media=\"{address}\"/>"),
        |address: &str| {
            format!(
                "<Representation {NS} id=\"1\"><SegmentTemplate media=\"{address}\"/></Representation>\
                 <Representation {NS} id=\"2\"/>"
            )
        },
        |address: &str| {
            format!(
                "<Patch><add sel=\"/MPD/Period[1]/AdaptationSet/SegmentList\"><SegmentURL media=\"{address}\"/></add></Patch>"
            )
        },
        |address: &str| {
            format!(
                "<Patch><replace sel=\"/MPD/Period[@id='1/2']/d:AdaptationSet/d:SegmentTemplate/@media\">{address}</replace></Patch>"
            )
        },
        |address: &str| {
            format!(
                "<Patch><add sel=\"/MPD/Period/AdaptationSet/SegmentTemplate\" type=\"@media\">{address}</add></Patch>"
            )
        },
        |address: &str| {
            format!("<Patch><replace sel=\"/MPD/BaseURL[2]/text()\">{address}</replace></Patch>")
        },
        |address: &str| {
            format!(
                "<Patch><replace sel=\"/MPD/Period[@id='a/b']/BaseURL[.='c/d]/e']/text()\">{address}</replace></Patch>"
            )
        },
        |address: &str| {
            format!(
                "<Patch><add sel=\"//d:SegmentTemplate[@media='a/$Number$']\" type=\"@media\">{address}</add></Patch>"
            )
        },
        |address: &str| {
            format!(
                "<Patch><replace sel='//SegmentURL[@media=\"a[/b\"][../@id]/@media'>{address}</replace></Patch>"
            )
        },
        |address: &str| {
            format!(
                "<Patch><replace sel=\"/MPD/PatchLocation[1]\"><PatchLocation>{address}</PatchLocation></replace></Patch>"
            )
        },
        |address: &str| {
            format!("<Patch><add sel=\"/MPD\"><BaseURL>{address}</BaseURL></add></Patch>")
        },
        |address: &str| {
            format!("<Patch><replace sel=\"//Period/ImportedMPD/@uri\">{address}</replace></Patch>")
        },
        |address: &str| {
            format!(
                "<Patch><add sel=\"//ReplacePresentation\" type=\"@url\">{address}</add></Patch>"
            )
        },
    ] {
        let [relative, written] = ["a.m4s", "/TOKEN/videos/42/dash/a.m4s"].map(with);
        becomes(&relative, &relative, &written);
    }
    // What is no address stays.
    for patch in [
        "<Patch><replace sel=\"/MPD/@publishTime\">2026-01-01T00:00:00Z</replace></Patch>",
        "<Patch><remove sel=\"/MPD/Period[1]/AdaptationSet/SegmentTemplate/@media\"/></Patch>",
        "<Patch><add sel=\"/MPD/Period/@id\">a/b</add></Patch>",
        "<Patch><replace sel=\"/MPD/Period[@id='/BaseURL/text()\">a</replace></Patch>",
        "<Patch><replace sel=\"/MPD/Period[@id='/SegmentURL/@media']/@id\">a</replace></Patch>",
    ] {
        becomes(patch, patch, patch);
    }
    let period = format!("<Period {NS}>{}</Period>", template("$Number$"));
    assert_eq!(rewritten(&rewriter(DashPreview(5)), &period), Err(ManifestError::NoPreview));
}

#[test]
fn the_query_passed_on_has_no_token() {
    let with = |attributes: &str| {
        of(
            &format!(
                "<EssentialProperty schemeIdUri=\"urn:mpeg:dash:urlparam:2014\"><q:UrlQueryInfo{attributes} \
                 xmlns:q=\"urn:mpeg:dash:schema:urlparam:2014\"/></EssentialProperty>"
            ),
            "1",
            "https://other.example/$Number$",
        )
    };
    let query = |query: &str, before: &str, after: &str| {
        let link = carrier_of(InQuery, query);
        assert_eq!(rewritten(&link, &with(before)), Ok(with(after)));
        assert_eq!(rewritten(&carrier_of(InPath, query), &with(before)), Ok(with(before)));
    };
    let whole = " queryTemplate=\"$querypart$\" useMPDUrlQuery";
    for yes in ["true", "1", "TRUE", "True", "&#84;rue", "yes", ""] {
        let before = format!("{whole}=\"{yes}\"");
        query("", &before, &format!(" queryString=\"&amp;\"{whole}=\"false\""));
        query("a=b&c", &before, &format!(" queryString=\"a=b&amp;c\"{whole}=\"false\""));
        let before = format!("{before} queryString='x=1'");
        query("", &before, &format!("{whole}=\"false\" queryString='x=1'"));
        query("a=b", &before, &format!("{whole}=\"false\" queryString='a=b&amp;x=1'"));
        // What the player adds to each request by itself it adds here too.
        query("CMCD=bl&a", &before, &format!("{whole}=\"false\" queryString='a&amp;x=1'"));
    }
    for no in ["false", "0", " false "] {
        let same = format!("{whole}=\"{no}\" queryString='x=1'");
        query("a=b", &same, &same);
    }
    // Where only some would read it, nobody does.
    let odd = |name: &str| {
        format!(
            "<!--><RequestParam {name}=\"true\"/>--><?a {name}?><x:RequestParam x:{name}=\"true\"/>\
             <Title><![CDATA[<a {name}=\"1\"/>]]></Title><RequestParam a=\"{name}\" {name}=\"true\"/>"
        )
    };
    let odd = |name: &str| mpd(&odd(name));
    let broken = odd("useMPD-UrlQuery");
    assert_eq!(rewritten(&rewriter(InQuery), &odd("useMPDUrlQuery")), Ok(broken));
}

#[test]
fn reports_to_others_are_off() {
    let with = |name: &str, address: &str| {
        mpd(&format!(
            "<Metrics metrics=\"DVBErrors\"><Reporting schemeIdUri=\"urn:dvb:dash:reporting:2014\" value=\"1\" \
             dvb:{name}=\"{address}\"/></Metrics>"
        ))
    };
    for address in ["https://other.example/", "//other.example/", "reports", "/reports"] {
        let off = with("reporting-Url", address);
        becomes(&with("reportingUrl", address), &off, &off);
    }
    let own = with("reportingUrl", "https://cdn.example.com/reports");
    becomes(&own, &own, &own);
}

#[test]
fn a_preview_has_what_is_one_file_for_the_whole_film() {
    let film = "<AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\"><SegmentTemplate duration=\"4\" \
                media=\"v$Number$\"/></Representation></AdaptationSet>";
    let with = |set: &str| {
        mpd(&format!("<Period>{film}{set}</Period>"))
            .replace("static\"", "static\" mediaPresentationDuration=\"PT4S\"")
    };
    let kept = |set: &str, expected: &str| {
        let out = rewritten(&rewriter(DashPreview(9)), &with(set)).unwrap();
        assert!(out.contains(expected), "{out}");
    };
    let one = "/ONE/videos/42/dash/en.vtt";
    for set in [
        "<AdaptationSet mimeType=\"text/vtt\"><Representation id=\"en\"><BaseURL>@</BaseURL></Representation></AdaptationSet>",
        "<AdaptationSet><Representation id=\"en\" mimeType=\"application/ttml+xml\"><BaseURL>@</BaseURL></Representation></AdaptationSet>",
        "<AdaptationSet contentType=\"text\"><BaseURL>@</BaseURL><Representation id=\"en\"/></AdaptationSet>",
        "<AdaptationSet contentType=\"text\"><Representation mimeType=\"application/mp4\" codecs=\"stpp\"><BaseURL>@</BaseURL><SegmentBase indexRange=\"0-9\"/></Representation></AdaptationSet>",
        "<AdaptationSet mimeType=\"image/jpeg\"><Representation><BaseURL>@</BaseURL></Representation></AdaptationSet>",
    ] {
        kept(&set.replace('@', "en.vtt"), &set.replace('@', one));
        kept(
            &set.replace('@', "https://other.example/"),
            &set.replace('@', "https://other.example/"),
        );
    }
    for set in [
        "<AdaptationSet mimeType=\"video/mp4\"><Representation><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet>",
        "<AdaptationSet><Representation><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet>",
        "<AdaptationSet contentType=\"image\" mimeType=\"video/mp4\"><Representation><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet>",
        "<AdaptationSet contentType=\"text\"><Representation mimeType=\"video/mp4\"><BaseURL>a.mp4</BaseURL></Representation></AdaptationSet>",
    ] {
        assert_eq!(rewritten(&rewriter(DashPreview(9)), &with(set)), Err(ManifestError::NoPreview));
    }
}

#[test]
fn a_preview_is_cut_from_what_needs_a_token() {
    let film = |content: &str| {
        mpd(&format!(
            "<Period><AdaptationSet><Representation id=\"1\">{content}</Representation></AdaptationSet></Period>"
        ))
        .replace("static\"", "static\" mediaPresentationDuration=\"PT20S\"")
    };
    let public = || PublicPaths::new(vec!["/videos/42/open".into()], vec!["m4s".into()]);
    for (content, has_preview) in [
        ("<SegmentTemplate duration=\"4\" media=\"$Number$.m4s\"/>", false),
        ("<SegmentTemplate duration=\"4\" media=\"$Number$.M4S?a\"/>", false),
        ("<SegmentTemplate duration=\"4\" media=\"../open/$Number$\"/>", false),
        ("<SegmentList duration=\"4\"><SegmentURL media=\"1.m4s\"/></SegmentList>", false),
        ("<SegmentTemplate duration=\"4\" media=\"$Number$\" initialization=\"i.m4s\"/>", true),
        ("<SegmentTemplate duration=\"4\" media=\"$Number$.ts\"/>", true),
    ] {
        let rewriter = rewriter(DashPreview(5)).public_paths(public());
        let made = rewritten(&rewriter, &film(content)).map(drop);
        let expected = if has_preview { Ok(()) } else { Err(ManifestError::NoPreview) };
        assert_eq!(made, expected, "{content}");
    }
}

#[test]
fn a_preview_leads_to_no_manifest_that_it_does_not_open() {
    let with = |address: &str| {
        mpd(&format!(
            "<Period><AdaptationSet><Representation><SegmentTemplate duration=\"4\" media=\"$Number$\"/>\
             </Representation></AdaptationSet></Period><SupplementalProperty \
             schemeIdUri=\"urn:mpeg:dash:chaining:2016\" value=\"{address}\"/>"
        ))
        .replace("static\"", "static\" mediaPresentationDuration=\"PT4S\"")
    };
    let link = rewriter(DashPreview(9));
    let out = |address: &str| rewritten(&link, &with(address)).unwrap();
    assert!(out("next.mpd").contains("value=\"/TOKEN/videos/42/dash/next.mpd\""));
    for address in ["next", "next.xml", "List(format=mpd)"] {
        assert!(out(address).contains(&format!("value=\"{address}\"")), "{}", out(address));
    }
}

#[test]
fn a_request_without_a_host_gets_no_mpd() {
    let link = carrier_of(Came::NoHost, "");
    for text in [mpd(""), mpd("<BaseURL>a/</BaseURL>"), String::new()] {
        assert_eq!(rewritten(&link, &text), Err(ManifestError::NoHost));
    }
}

#[test]
fn client_data_names_no_address() {
    let with = |rest: &str| {
        mpd(&format!(
            "<ServiceDescription><ClientDataReporting>{rest}</ClientDataReporting></ServiceDescription>"
        ))
    };
    let keys =
        |keys: &str| with(&format!("<CMCDParameters version=\"1\" keys=\"{keys}\" mode='query'/>"));
    for (before, after) in [("nor ot sid", "ot sid"), ("sid\nNOR", "sid"), ("url,br,nor", "br")] {
        becomes(&keys(before), &keys(after), &keys(after));
    }
    becomes(&keys("br nrr sid"), &keys("br nrr sid"), &keys("br nrr sid"));
    // With all keys, and where players may differ in what they read, nobody sends any.
    let other = |name: &str| {
        [
            format!("<{name} keys=\"nor\"/>"),
            format!("<{name} mode='query'/>"),
            format!("<{name} keys=\"nor sid\"></{name}>"),
            format!("<{name} keys=\"nor sid\"><a {name}=''/></{name}>"),
            format!("<x:{name} xmlns:x='urn:x'></x:{name}>"),
            format!("<!--><{name} keys=\"nor\"/>-->"),
            format!("<?a ><{name} keys=\"nor\"/><?b ?>"),
        ]
    };
    for (before, after) in other("CMCDParameters").iter().zip(other("CMCD-Parameters")) {
        becomes(&with(before), &with(&after), &with(&after));
    }
}

#[test]
fn what_is_passed_over_before_an_address_is_written_away() {
    for over in
        ["<!-->https://other.example/-->", "<?a >https://other.example/?>", "<!-- a -->\n <!--b-->"]
    {
        for text in [
            format!("{over}/videos/42/"),
            format!("/videos/42/{over}"),
            format!("\n{over} /videos/42/{over} "),
        ] {
            let out =
                rewritten(&rewriter(InQuery), &mpd(&format!("<BaseURL>{text}</BaseURL>"))).unwrap();
            assert!(out.contains("/TOKEN/videos/42/") && !out.contains("other.example"), "{out}");
            assert!(!out.contains("<!--") && !out.contains("<?a"), "{out}");
        }
    }
    // What stays keeps it.
    let foreign = mpd("<BaseURL><!-- theirs -->https://other.example/</BaseURL>");
    becomes(&foreign, &foreign, &foreign);
}
