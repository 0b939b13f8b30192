//! The interface to the entry: one object for each environment, one call for each request, and one call for
//! each answer of the media store or the denylist.

#[cfg(feature = "state")]
pub mod denylist;
pub mod pending;
#[cfg(feature = "state")]
pub mod record;

use std::borrow::Cow;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::rc::Rc;

use playgate_edge::{
    Answered, Binding, Body, Broken, Call, Config, Decision, DenylistQuestion, Fields, Found,
    LogEntry, Memory, Next, Now, Object, RecordRequest, RequestParts, Response, Setting, Step,
    StoreRange, Variables, decide, faults, read_call,
};
use playgate_state::Revocation;
use serde::{Serialize, Serializer};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use self::pending::Pending;
use worker::{AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Bucket, Env, console_error};

/// The gate of one environment. Its configuration is read once.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Gate(Rc<Deployment>);

struct Deployment {
    analytics: Option<AnalyticsEngineDataset>,
    config: Result<Config, Broken>,
    memory: RefCell<Memory>,
    /// Commands to send in the background.
    reports: RefCell<Vec<RecordRequest>>,
}

impl core::fmt::Debug for Deployment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Deployment(..)")
    }
}

#[wasm_bindgen]
impl Gate {
    /// Reads the variables and bindings, and logs any faults.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(env: &Env) -> Self {
        panic::set_hook(Box::new(panicked));
        let bucket = env.bucket("MEDIA").ok();
        let config = Config::read(&variables(env, &bucket));
        if let Err(broken) = &config {
            console_error!("{}", faults(&broken.errors));
        }
        let analytics = env.analytics_engine("ANALYTICS").ok();
        let (memory, reports) = (RefCell::default(), RefCell::default());
        Self(Rc::new(Deployment { analytics, config, memory, reports }))
    }

    /// Decides on a request. `parts` is the text that [`RequestParts`] reads, and `now` is in milliseconds.
    /// Returns a string for a complete answer, in the form of [`Deployment::write`], and otherwise a
    /// [`PlanHandle`]; a [`Pending`] if something must be asked first, which the next call gets; and `false` for one of
    /// the gate's own calls.
    #[must_use]
    pub fn decide(
        &self,
        parts: &str,
        request: &web_sys::Request,
        now: f64,
        pending: Option<Pending>,
    ) -> JsValue {
        let parts = RequestParts::parse(parts);
        let memory = self.0.memory.borrow();
        let pending = pending.unwrap_or_default();
        // Divided as it came: beyond 2^53 milliseconds, the number is not exact.
        let secs = (now / 1000.0) as u64;
        let now = Now {
            secs,
            millis: millis(now),
            memory: Some(&memory),
            replies: pending.replies(),
            random,
        };
        match decide(&self.0.config, &parts, now, || country(request)) {
            Decision::AskDenylist => pending.with(None).into(),
            Decision::AskRecord(question) => pending.with(Some(question)).into(),
            Decision::Call => JsValue::FALSE,
            Decision::Serve(plan, next, reports) => {
                self.0.reports.borrow_mut().extend(reports);
                PlanHandle { deployment: Rc::clone(&self.0), plan, next: Some(next), body: None }
                    .into()
            }
            Decision::Respond(response, entry) => self.0.write(&response, &entry).into(),
        }
    }
}

#[wasm_bindgen]
impl Gate {
    /// What is to be done in the background: 1, ask the denylist; 2, send [reports](Self::report); 3, both; 0, nothing.
    #[must_use]
    pub fn due(&self, now: f64) -> u8 {
        let Ok(config) = &self.0.config else { return 0 };
        let asks = config.asks(&self.0.memory.borrow(), millis(now));
        u8::from(asks) | if self.0.reports.borrow().is_empty() { 0 } else { 2 }
    }

    /// The next command to send to a record in the background. Its answer goes to [`Gate::settle`].
    #[must_use]
    pub fn report(&self, now: f64) -> Option<Pending> {
        let question = self.0.reports.borrow_mut().pop()?;
        self.0.memory.borrow_mut().reported(&question, millis(now));
        Some(Pending::default().with(Some(Box::new(question))))
    }

    /// Notes the answer to a question that was asked at `now`; `undefined` if there was none.
    pub fn settle(&self, pending: &mut Pending, answer: Option<Vec<u8>>, now: f64) {
        pending.settle(&mut self.0.memory.borrow_mut(), answer.as_deref(), millis(now));
    }

    /// Reads one of the gate's own calls. Returns a list if a record has to be asked: its name, and the command. Then the
    /// next call gets what was asked: the answer, or nothing. Otherwise a string: `answer`, a line feed, and a response;
    /// or `denylist` and what the denylist is to do, in lines: `revoke` and a revocation as [`lines`] writes it, or
    /// `revoke-only` if the response is that the viewer's sessions could not be ended; `list`,
    /// the sequence number after which to start or nothing, and the most revocations; `undo`, the kind, and the value;
    /// `since`, the epoch or nothing, and the number of the first entry.
    #[must_use]
    pub fn call(
        &self,
        parts: &str,
        body: Option<Vec<u8>>,
        now: f64,
        is_asked: bool,
        answer: Option<Vec<u8>>,
    ) -> JsValue {
        let (parts, now) = (RequestParts::parse(parts), (now / 1000.0) as u64);
        match read_call(&self.0.config, &parts, body.as_deref(), now) {
            Ok(Call::Record(call)) if is_asked => match call.answered(answer.as_deref()) {
                Answered::Respond(answer) => ["answer\n", &response(&answer)].concat().into(),
                Answered::Revoke { revocation, is_complete } => {
                    let verb = if is_complete { "revoke" } else { "revoke-only" };
                    ["denylist\n", verb, "\n", &lines(&revocation)].concat().into()
                }
            },
            Ok(Call::Record(call)) => pending::list(&call.question).into(),
            Ok(Call::Revoke(revocation)) => {
                ["denylist\nrevoke\n", &lines(&revocation)].concat().into()
            }
            Ok(Call::List { after, limit }) => {
                let after = after.map(|after| after.to_string()).unwrap_or_default();
                format!("denylist\nlist\n{after}\n{limit}").into()
            }
            Ok(Call::Since(asked)) => format!("denylist\nsince\n{}", question(asked)).into(),
            Ok(Call::Undo { kind, value }) => {
                format!("denylist\nundo\n{}\n{value}", kind.name()).into()
            }
            Err(answer) => ["answer\n", &response(&answer)].concat().into(),
        }
    }

    /// How often the gate asks the denylist, in milliseconds; 0 if it keeps no state. Answers up to this age may be
    /// shared.
    #[must_use]
    pub fn refresh(&self) -> f64 {
        self.0.config.as_ref().map_or(0.0, |config| config.refresh() as f64)
    }

    /// The next question to the denylist: the epoch, a line feed, and the number of the first entry.
    #[must_use]
    pub fn ask(&self, now: f64) -> String {
        question(self.0.memory.borrow_mut().denylist.ask(millis(now)))
    }

    /// Processes an answer to a question that was asked at `asked`. Returns the next question, if there is one.
    pub fn answered(&self, answer: &[u8], asked: f64, now: f64) -> Option<String> {
        let denylist = &mut self.0.memory.borrow_mut().denylist;
        denylist.answered(answer, millis(asked), millis(now)).map(question)
    }

    /// Notes that the denylist gave no answer.
    pub fn unanswered(&self, now: f64) {
        self.0.memory.borrow_mut().denylist.unanswered(millis(now));
    }
}

/// A revocation in lines, as the columns of the log: kind, value, issued_before, until and reason. No value contains a
/// line feed.
fn lines(revocation: &Revocation) -> String {
    let Revocation { kind, value, issued_before, until, reason } = revocation;
    let issued_before = issued_before.map(|time| time.to_string()).unwrap_or_default();
    format!("{}\n{value}\n{issued_before}\n{until}\n{}", kind.name(), reason.name())
}

fn question(DenylistQuestion { epoch, from }: DenylistQuestion) -> String {
    let epoch = epoch.map(|epoch| epoch.to_string()).unwrap_or_default();
    format!("{epoch}\n{from}")
}

/// A time of JavaScript. The cast saturates, so every number becomes a valid time.
const fn millis(now: f64) -> u64 {
    now as u64
}

/// The delivery of an admitted request.
///
/// Each call returns the next step, in lines: `fetch`, the method, the URL, and header fields, names and
/// values alternating; `get`, the key, and a range as offset, length and suffix; `head` and the key;
/// `read`, the limit and the compression; `stored`, and a response in the form of [`Deployment::write`],
/// with the body of the store's answer; or `own`, and a response with its own body or none.
#[wasm_bindgen]
pub struct PlanHandle {
    deployment: Rc<Deployment>,
    plan: Box<playgate_edge::Plan>,
    next: Option<Next>,
    body: Option<String>,
}

impl core::fmt::Debug for PlanHandle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("PlanHandle(..)")
    }
}

#[wasm_bindgen]
impl PlanHandle {
    /// The first step.
    pub fn start(&mut self) -> String {
        let next = self.next.take();
        next.map(|next| self.write(next)).unwrap_or_default()
    }

    /// Processes a media server's answer, in lines: the status, `1` if there is a body, and header fields,
    /// names and values alternating.
    pub fn fetched(&mut self, answer: &str) -> String {
        let deployment = Rc::clone(&self.deployment);
        let Ok(config) = &deployment.config else { return String::new() };
        let mut lines = answer.split('\n');
        let status = lines.next().and_then(|status| status.parse().ok()).unwrap_or(0);
        let has_body = lines.next() == Some("1");
        let mut headers = Vec::with_capacity(24);
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            headers.push((name, value));
        }
        let next = self.plan.fetched(config, status, &headers, has_body);
        self.write(next)
    }

    /// Processes the description of an object in the bucket, in lines: the fields of [`Object`], with the
    /// time in milliseconds. An empty text means that there is no such object.
    pub fn found(&mut self, object: &str) -> String {
        let found = if object.is_empty() { Found::Missing } else { read_object(object) };
        let next = self.plan.found(found);
        self.write(next)
    }

    /// Handles a store that gave no answer.
    pub fn failed(&mut self) -> String {
        let deployment = Rc::clone(&self.deployment);
        let Ok(config) = &deployment.config else { return String::new() };
        let next = self.plan.failed(config);
        self.write(next)
    }

    /// Rewrites a manifest that was read; `None` if it exceeds the limit. Returns a response in the form of
    /// [`Deployment::write`]; its body comes from [`PlanHandle::take_body`].
    pub fn rewrite(&mut self, manifest: Option<Vec<u8>>) -> String {
        let Response { status, headers, body } = self.plan.rewrite(manifest.as_deref());
        drop(manifest);
        // The manifest is returned separately, because JSON would need another copy of it.
        let (body, text) = match body {
            Body::Text(text) if status == 200 => (Body::None, Some(text)),
            body => (body, None),
        };
        self.body = text;
        self.deployment.write(&Response { status, headers, body }, self.plan.entry())
    }

    /// The rewritten manifest; `None` after the first call.
    #[wasm_bindgen(js_name = takeBody)]
    pub fn take_body(&mut self) -> Option<js_sys::Uint8Array> {
        self.body.take().map(|text| js_sys::Uint8Array::from(text.as_bytes()))
    }
}

impl PlanHandle {
    fn write(&self, next: Next) -> String {
        match next {
            Next::Ask(Step::Fetch { method, url, headers }) => {
                let mut text = format!("fetch\n{method}\n{url}");
                for (name, value) in headers {
                    text.extend(["\n", name, "\n", &value]);
                }
                text
            }
            Next::Ask(Step::Get { key, range: None }) => format!("get\n{key}"),
            Next::Ask(Step::Get { key, range: Some(range) }) => match range {
                StoreRange::From { offset } => format!("get\n{key}\n{offset}\n\n"),
                StoreRange::Slice { offset, length } => format!("get\n{key}\n{offset}\n{length}\n"),
                StoreRange::Suffix { length } => format!("get\n{key}\n\n\n{length}"),
            },
            Next::Ask(Step::Head { key }) => format!("head\n{key}"),
            Next::Read { limit, compression } => {
                format!("read\n{limit}\n{}", compression.unwrap_or_default())
            }
            Next::Respond(response) => {
                let verb = if response.body == Body::Stored { "stored" } else { "own" };
                [verb, "\n", &self.deployment.write(&response, self.plan.entry())].concat()
            }
        }
    }
}

/// Reads the description of an object. More lines than fields mean that a value contains a line feed. Such
/// a value, or one with another control character, is refused: no header field can contain it.
fn read_object(text: &str) -> Found<'_> {
    if text.contains(|c: char| c.is_ascii_control() && !matches!(c, '\n' | '\t')) {
        return Found::Failed;
    }
    let lines: Vec<&str> = text.split('\n').collect();
    let &[size, etag, modified, ref metadata @ ..] = lines.as_slice() else { return Found::Failed };
    let (Ok(size), Ok(modified)) = (size.parse(), modified.parse::<u64>()) else {
        return Found::Failed;
    };
    let &[kind, language, disposition, encoding, cache_control] = metadata else {
        return Found::Failed;
    };
    let set = |value| Some(value).filter(|value: &&str| !value.is_empty());
    Found::Object(Object {
        size,
        etag,
        modified: modified.div_euclid(1000),
        content_type: set(kind),
        content_language: set(language),
        content_disposition: set(disposition),
        content_encoding: set(encoding),
        cache_control: set(cache_control),
    })
}

impl Deployment {
    /// Counts a decision, and writes it with its response: a line for the log (empty if there is none), and
    /// `[status, headers, body]` as JSON. One string crosses into JavaScript faster than several.
    fn write(&self, response: &Response, entry: &LogEntry) -> String {
        self.count(entry);
        let level = self.config.as_ref().map(Config::log).unwrap_or_default();
        let mut text = entry.line(level).unwrap_or_default();
        text.push_str(&crate::response(response));
        text
    }

    /// Writes a decision to the data set, if there is one.
    fn count(&self, entry: &LogEntry) {
        if let Some(analytics) = &self.analytics {
            let blobs = [
                entry.decision,
                entry.reason.unwrap_or_default(),
                entry.method,
                entry.placement.unwrap_or_default(),
                entry.kid.as_deref().unwrap_or_default(),
            ];
            let point = AnalyticsEngineDataPointBuilder::new()
                .indexes([entry.reason.unwrap_or(entry.decision)])
                .blobs(blobs.map(String::from))
                .doubles([f64::from(entry.status)])
                .build();
            // A lost count must not stop the delivery.
            let _ = analytics.write_data_point(&point);
        }
    }
}

/// A response: a line feed, and `[status, headers, body]` as JSON.
fn response(Response { status, headers, body }: &Response) -> String {
    let body = match body {
        Body::Text(text) => Some(text),
        Body::None | Body::Stored => None,
    };
    let mut text = String::from("\n");
    // Strings and a number always serialize.
    text.push_str(
        &serde_json::to_string(&(status, HeaderFields(headers), body)).unwrap_or_default(),
    );
    text
}

/// Header fields as one JSON object, from which the platform creates a response three times as fast as from a
/// list of pairs. Values of the same field are joined with a comma (RFC 9110, section 5.3); the only field
/// for which that is wrong, `Set-Cookie`, occurs at most once.
struct HeaderFields<'a>(&'a Fields);

impl Serialize for HeaderFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut joined: Vec<(&str, Cow<'_, str>)> = Vec::with_capacity(self.0.len());
        for (name, value) in self.0 {
            match joined.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, values)) => *values = [values, ", ", value].concat().into(),
                None => joined.push((name, Cow::Borrowed(value))),
            }
        }
        serializer.collect_map(joined)
    }
}

/// Replaces the hook of workers-rs, which prints the message. A trap follows, and ends the instance.
fn panicked(info: &PanicHookInfo<'_>) {
    let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
    console_error!("{}", playgate_edge::panicked(file, line));
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_randomly(bytes: &mut [u8]);
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    fill_randomly(&mut bytes);
    bytes
}

/// The client's country, ISO 3166-1 alpha-2, as the edge determined it.
fn country(request: &web_sys::Request) -> Option<String> {
    let client = js_sys::Reflect::get(request, &"cf".into()).ok()?;
    js_sys::Reflect::get(&client, &"country".into()).ok()?.as_string()
}

/// Reads the operator's variables.
fn variables(env: &Env, bucket: &Option<Bucket>) -> Variables {
    let media = match bucket {
        Some(_) => Binding::Right,
        None if binding(env, "MEDIA").is_some() => Binding::Other,
        None => Binding::Absent,
    };
    let objects = |name| match binding(env, name) {
        None => Binding::Absent,
        Some(namespace) if has_method(&namespace, "getByName") => Binding::Right,
        Some(_) => Binding::Other,
    };
    Variables::read(media, objects("DENYLIST"), objects("RECORDS"), |name| {
        match binding(env, name) {
            None => Setting::Unset,
            Some(value) => match value.as_string().or_else(|| whole_number(&value)) {
                Some(text) => Setting::Text(text),
                None => Setting::Unreadable,
            },
        }
    })
}

/// A variable may be a number in the configuration file: `LEEWAY = 5`.
fn whole_number(value: &JsValue) -> Option<String> {
    let number = value.as_f64()?;
    // The cast saturates and truncates, so only a whole number compares equal.
    let whole = number as u64;
    (whole as f64 == number).then(|| whole.to_string())
}

/// Whether an object has a method of this name. Bindings of other kinds have others.
fn has_method(object: &JsValue, name: &str) -> bool {
    js_sys::Reflect::get(object, &name.into()).is_ok_and(|method| method.is_function())
}

fn binding(env: &Env, name: &str) -> Option<JsValue> {
    let value = js_sys::Reflect::get(env, &name.into()).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}
