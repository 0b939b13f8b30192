//! What the entry calls: one object for each environment, one call for each request.

use std::panic::{self, PanicHookInfo};

use alloc::boxed::Box;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use worker::{
    AnalyticsEngineDataPointBuilder, AnalyticsEngineDataset, Bucket, Env, Headers, console_error,
    console_log,
};

use crate::worker::answer::Problem;
use crate::worker::conditional::Conditions;
use crate::worker::config::{Binding, Broken, Config, Store, Variables};
use crate::worker::decide::{Asked, Decision, decide};
use crate::worker::log::{self, Line};
use crate::worker::media::Media;
use crate::worker::range::ByteRange;
use crate::worker::response::{self, Response};
use crate::worker::secret::Secret;
use crate::worker::{forward, origin, r2};

/// The gate of one environment: its configuration is read once.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Gate(Rc<Deployment>);

struct Deployment {
    analytics: Option<AnalyticsEngineDataset>,
    bucket: Option<Bucket>,
    config: Result<Config, Broken>,
}

impl core::fmt::Debug for Deployment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Deployment(..)")
    }
}

#[wasm_bindgen]
impl Gate {
    /// Reads the variables and bindings, and logs what is wrong with them.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(env: &Env) -> Self {
        panic::set_hook(Box::new(panicked));
        let bucket = env.bucket("MEDIA").ok();
        let config = Config::read(&variables(env, &bucket));
        if let Err(broken) = &config {
            console_error!("{}", log::faults(&broken.errors));
        }
        let analytics = env.analytics_engine("ANALYTICS").ok();
        Self(Rc::new(Deployment { analytics, bucket, config }))
    }

    /// Decides on a request: `asked` has what [`Asked`] reads, `now` is in milliseconds. A string
    /// is a finished answer: its line of the log, a line feed, and `[status, headers, body]` in
    /// JSON. Else it is a promise of the response.
    #[must_use]
    pub fn decide(&self, asked: &str, request: &web_sys::Request, now: f64) -> JsValue {
        // The cast saturates: no number is a moment that cannot be.
        let now = (now / 1000.0) as u64;
        match decide(&self.0.config, &Asked::parse(asked), now, || country(request)) {
            Decision::Answer(answer, line) => {
                self.0.count(&line);
                // In one piece: each string that crosses into JavaScript has a price.
                format!("{}\n{}", line.to_json(), answer.to_json()).into()
            }
            Decision::Serve(media, line) => {
                let deployment = Rc::clone(&self.0);
                let headers = Headers(request.headers());
                let response = async move { deployment.serve(&media, &headers, line).await };
                js_sys::futures::future_to_promise(response).into()
            }
        }
    }
}

impl Deployment {
    async fn serve(&self, media: &Media, asked: &Headers, line: Line) -> Result<JsValue, JsValue> {
        let store = self.config.as_ref().map(|config| &config.store);
        let served = match (store, &self.bucket) {
            (Ok(Store::Server(server)), _) => origin::serve(server, media, asked).await,
            (Ok(Store::Bucket), Some(bucket)) => from_bucket(bucket, media, asked).await,
            // A broken configuration was answered before.
            (Ok(Store::Bucket), None) | (Err(_), _) => Err(Problem::Misconfigured),
        };
        let (response, reason) = match served {
            Ok(response) => (response, None),
            Err(problem) => (response::answer(&media.problem(problem))?, Some(problem.reason())),
        };
        let line = Line { reason, status: response.status(), ..line };
        console_log!("{}", line.to_json());
        self.count(&line);
        Ok(response.into())
    }

    /// Writes a decision to the data set, where there is one.
    fn count(&self, line: &Line) {
        if let Some(analytics) = &self.analytics {
            let blobs = [
                line.decision,
                line.reason.unwrap_or_default(),
                line.method,
                line.placement.unwrap_or_default(),
                line.kid.as_deref().unwrap_or_default(),
            ];
            let point = AnalyticsEngineDataPointBuilder::new()
                .indexes([line.reason.unwrap_or(line.decision)])
                .blobs(blobs.map(String::from))
                .doubles([f64::from(line.status)])
                .build();
            // A count that is lost is no reason not to serve.
            let _ = analytics.write_data_point(&point);
        }
    }
}

/// In place of the hook of workers-rs, which prints the message. The entry waits for the property to be set,
/// as that hook does.
fn panicked(info: &PanicHookInfo<'_>) {
    let (file, line) = info.location().map_or(("", 0), |at| (at.file(), at.line()));
    console_error!("{}", log::panicked(file, line));
    let state = js_sys::Reflect::get(&js_sys::global(), &"__worker_init_state".into());
    if let Ok(state) = state {
        // Where it cannot be set, the trap that follows ends the request all the same.
        let _ = js_sys::Reflect::set(&state, &"criticalError".into(), &true.into());
    }
}

/// The client's country, ISO 3166-1 alpha-2, as the edge found it.
fn country(request: &web_sys::Request) -> Option<String> {
    let client = js_sys::Reflect::get(request, &"cf".into()).ok()?;
    js_sys::Reflect::get(&client, &"country".into()).ok()?.as_string()
}

async fn from_bucket(bucket: &Bucket, media: &Media, asked: &Headers) -> Result<Response, Problem> {
    let value = |name| asked.get(name).ok().flatten();
    let range = value("Range").and_then(|range| ByteRange::parse(&range));
    let [if_match, if_modified_since, if_none_match, if_range, if_unmodified_since] =
        forward::REQUEST_HEADERS.map(value);
    let conditions = Conditions {
        if_match: if_match.as_deref(),
        if_modified_since: if_modified_since.as_deref(),
        if_none_match: if_none_match.as_deref(),
        // Without a range, the answer is all of the media either way.
        if_range: if_range.as_deref().filter(|_| range.is_some()),
        if_unmodified_since: if_unmodified_since.as_deref(),
    };
    r2::serve(bucket, media, range, conditions).await
}

/// Everything that the operator may set. What is set and cannot be read is told apart from what is
/// not set: a check must not be lost because its variable has the wrong type.
fn variables(env: &Env, bucket: &Option<Bucket>) -> Variables {
    let mut unreadable = Vec::new();
    let mut text = |name: &'static str| {
        let value = binding(env, name)?;
        let text = value.as_string().or_else(|| whole_number(&value));
        if text.is_none() {
            unreadable.push(name);
        }
        text.filter(|text| !text.trim().is_empty())
    };
    let media = match bucket {
        Some(_) => Binding::Right,
        None if binding(env, "MEDIA").is_some() => Binding::Other,
        None => Binding::Absent,
    };
    Variables {
        allow_origins: text("ALLOW_ORIGINS"),
        audience: text("AUDIENCE"),
        formats: text("FORMATS"),
        forward_params: text("FORWARD_PARAMS"),
        issuer: text("ISSUER"),
        jwt_name: text("JWT_NAME"),
        jwt_path: text("JWT_PATH"),
        leeway: text("LEEWAY"),
        max_lifetime: text("MAX_LIFETIME"),
        max_manifest_bytes: text("MAX_MANIFEST_BYTES"),
        max_run: text("MAX_RUN"),
        media,
        origin: text("ORIGIN"),
        origin_secret: text("ORIGIN_SECRET").map(Secret::from),
        pass_headers: text("PASS_HEADERS"),
        playgate_keys: text("PLAYGATE_KEYS").map(Secret::from),
        public: text("PUBLIC"),
        public_extensions: text("PUBLIC_EXTENSIONS"),
        set_cookie: text("SET_COOKIE"),
        unsigned_params: text("UNSIGNED_PARAMS"),
        unreadable,
    }
}

/// A variable may be a number in the configuration file: `LEEWAY = 5`.
fn whole_number(value: &JsValue) -> Option<String> {
    let number = value.as_f64()?;
    // The cast saturates, and cuts off what is no whole number.
    let whole = number as u64;
    (whole as f64 == number).then(|| whole.to_string())
}

fn binding(env: &Env, name: &str) -> Option<JsValue> {
    let value = js_sys::Reflect::get(env, &name.into()).ok()?;
    (!value.is_undefined() && !value.is_null()).then_some(value)
}
