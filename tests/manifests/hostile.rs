//! Presentations that ask for more time or memory than their size would let one expect: for the test and
//! for the benchmark.

/// The name of a shape, and a presentation of about so many bytes in it.
pub type Shape = (&'static str, fn(usize) -> String);

/// All of them.
pub const PRESENTATIONS: [Shape; 21] = [
    ("long bases and many elements", long_bases),
    ("many bases and many addresses", many_bases),
    ("many bases and many addresses to resolve", many_to_resolve),
    ("many bases, one of them elsewhere", many_elsewhere),
    ("bases below each other", bases_in_each),
    ("a base with a long path", long_base),
    ("a base with a long path below each other", long_bases_in_each),
    ("bases on every level", nested_bases),
    ("a base for each Representation", base_for_each),
    ("empty Periods", empty_periods),
    ("Periods and nothing", bare_elements),
    ("deep nesting", deep),
    ("attributes of one element", attributes),
    ("namespaces of one element", namespaces),
    ("references in an address", references),
    ("a long template", long_template),
    ("a template over many Representations", shared_template),
    ("a list over many Representations", shared_list),
    ("segments without end", endless),
    ("names that send the query on", sent_on),
    ("a list of clocks", clocks),
];

fn filled(len: usize, head: &str, each: impl Fn(usize) -> String, tail: &str) -> String {
    let mut out = String::from(head);
    let mut n = 0;
    while out.len() + tail.len() < len {
        out.push_str(&each(n));
        n += 1;
    }
    out.push_str(tail);
    out
}

const MPD: &str = "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"static\" mediaPresentationDuration=\"PT600S\">";
const SET: &str = "<Period><AdaptationSet mimeType=\"video/mp4\">";
const END: &str = "</AdaptationSet></Period></MPD>";

fn bases(count: usize, len: usize) -> String {
    (0..count).map(|n| format!("<BaseURL>/videos/42/{}/{n}/</BaseURL>", "b".repeat(len))).collect()
}

fn long_bases(len: usize) -> String {
    let head = format!("{MPD}{}{SET}", bases(60, 1000));
    filled(len, &head, |_| "<Representation id=\"1\"/>".into(), END)
}

fn many_bases(len: usize) -> String {
    let head =
        format!("{MPD}{}{SET}<Representation id=\"1\"><SegmentList duration=\"1\">", bases(60, 10));
    let tail = format!("</SegmentList></Representation>{END}");
    filled(len, &head, |n| format!("<SegmentURL media=\"{n}\"/>"), &tail)
}

fn many_to_resolve(len: usize) -> String {
    let head =
        format!("{MPD}{}{SET}<Representation id=\"1\"><SegmentList duration=\"1\">", bases(60, 10));
    let tail = format!("</SegmentList></Representation>{END}");
    filled(len, &head, |n| format!("<SegmentURL media=\"../{n}\"/>"), &tail)
}

fn many_elsewhere(len: usize) -> String {
    let elsewhere = "<BaseURL>https://other.example/</BaseURL>";
    let head = format!(
        "{MPD}{elsewhere}{}{SET}<Representation id=\"1\"><SegmentList duration=\"1\">",
        bases(60, 4)
    );
    let tail = format!("</SegmentList></Representation>{END}");
    filled(len, &head, |n| format!("<SegmentURL media=\"/v%69deos/{n}\"/>"), &tail)
}

fn bases_in_each(len: usize) -> String {
    let head = format!("{MPD}{}{SET}", bases(60, 10));
    let each = |n| format!("<Representation><BaseURL>{n}/</BaseURL></Representation>");
    filled(len, &head, each, END)
}

fn long_base(len: usize) -> String {
    let base = format!("<BaseURL>/videos/42/{}/</BaseURL>", "b/".repeat(len / 4));
    let head = format!("{MPD}{base}{SET}<Representation id=\"1\"><SegmentList duration=\"1\">");
    let tail = format!("</SegmentList></Representation>{END}");
    filled(len, &head, |n| format!("<SegmentURL media=\"../{n}\"/>"), &tail)
}

fn long_bases_in_each(len: usize) -> String {
    let base = format!("<BaseURL>{}/</BaseURL>", "b".repeat(7000));
    let head = format!("{MPD}{base}{SET}<Representation id=\"1\"><SegmentList duration=\"1\">");
    let tail = format!("</SegmentList></Representation>{END}");
    filled(len, &head, |n| format!("<SegmentURL media=\"../{n}\"/>"), &tail)
}

fn nested_bases(len: usize) -> String {
    let level: String =
        (0..4).map(|n| format!("<BaseURL>{n}{}/</BaseURL>", "b".repeat(60))).collect();
    let each = format!(
        "<Period>{level}<AdaptationSet>{level}<Representation id=\"1\">{level}</Representation></AdaptationSet></Period>"
    );
    filled(len, MPD, |_| each.clone(), "</MPD>")
}

fn base_for_each(len: usize) -> String {
    let head = format!("{MPD}{}{SET}<SegmentTemplate media=\"$Number$\"/>", bases(60, 100));
    let each = |n| format!("<Representation id=\"{n}\"><BaseURL>{n}/</BaseURL></Representation>");
    filled(len, &head, each, END)
}

fn empty_periods(len: usize) -> String {
    filled(len, MPD, |_| "<Period duration=\"PT0S\"/>".into(), "</MPD>")
}

fn bare_elements(len: usize) -> String {
    filled(len, "<MPD>", |_| "<a/>".into(), "</MPD>")
}

fn deep(len: usize) -> String {
    let tower = format!("{}{}", "<a>".repeat(60), "</a>".repeat(60));
    filled(len, "<MPD>", |_| tower.clone(), "</MPD>")
}

fn attributes(len: usize) -> String {
    filled(len, "<MPD", |n| format!(" a{n}=\"\""), "/>")
}

fn namespaces(len: usize) -> String {
    let names: String = (0..100).map(|n| format!(" xmlns:n{n}=\"n\"")).collect();
    filled(len, &format!("<MPD{names}>"), |_| "<n0:a n1:b=\"\"/>".into(), "</MPD>")
}

fn references(len: usize) -> String {
    filled(len, "<MPD><BaseURL>", |_| "&#98;<!-- -->".into(), "</BaseURL></MPD>")
}

fn long_template(len: usize) -> String {
    let head = format!(
        "{MPD}{SET}<Representation id=\"1\" bandwidth=\"1\"><SegmentTemplate duration=\"1\" media=\"$Number$"
    );
    filled(len, &head, |_| "$Bandwidth%020d$".into(), &format!("\"/></Representation>{END}"))
}

fn shared_template(len: usize) -> String {
    let template =
        format!("<SegmentTemplate duration=\"1\" media=\"$Number${}\"/>", "a".repeat(len / 2));
    filled(len, &format!("{MPD}{SET}{template}"), |n| format!("<Representation id=\"{n}\"/>"), END)
}

fn shared_list(len: usize) -> String {
    let list = filled(
        len / 2,
        "<SegmentList duration=\"100\">",
        |n| format!("<SegmentURL media=\"{n}\"/>"),
        "</SegmentList>",
    );
    filled(len, &format!("{MPD}{SET}{list}"), |n| format!("<Representation id=\"{n}\"/>"), END)
}

fn endless(len: usize) -> String {
    let timeline =
        "<SegmentTimeline><S t=\"0\" d=\"1\" r=\"1152921504606846976\"/></SegmentTimeline>";
    let each = |n| {
        format!(
            "<Representation id=\"{n}\"><SegmentTemplate timescale=\"1000\" media=\"$Time$\">{timeline}</SegmentTemplate></Representation>"
        )
    };
    filled(len, &format!("{MPD}{SET}"), each, END)
}

fn sent_on(len: usize) -> String {
    let head = "<MPD><EssentialProperty><q";
    filled(
        len,
        head,
        |n| format!(" a{n}=\"useMPDUrlQuery reportingUrl\""),
        "/></EssentialProperty></MPD>",
    )
}

fn clocks(len: usize) -> String {
    let head = "<MPD><UTCTiming schemeIdUri=\"urn:mpeg:dash:utc:http-iso:2014\" value=\"";
    filled(len, head, |n| format!("{n} "), "\"/></MPD>")
}
