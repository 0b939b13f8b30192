//! A gate in front of a service of yours: a layer for tower, and so for axum, tonic and hyper.

mod grant;
mod inner;
mod service;

use core::fmt;
use std::sync::Arc;

use http::request::Parts;
use playgate_edge::{Binding, Config, Setting, Variables};
use tower_layer::Layer;

pub use self::grant::Grant;
pub use self::service::GateService;
use self::service::Nothing;
use crate::client::Client;
use crate::gate::Gate;
use crate::state::State;
use crate::surroundings::{Surroundings, SystemClock};

/// A stand-in for the media server. What is asked of it goes to the service.
const INNER: &str = "https://inner.invalid";

/// Checks each request before a service gets it, and answers those without a good token: 401 if there is none, 403 if it
/// is wrong, with the reasons and bodies of every gate. The service gets a [`Grant`] in the extensions, and an address
/// without the token. OPTIONS, which browsers send without a token, passes.
///
/// ```
/// use playgate_server::GateLayer;
///
/// // A development key. Yours comes from the environment or a file.
/// let keys = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
/// let layer = GateLayer::builder([("PLAYGATE_KEYS", keys), ("AUDIENCE", "api.example.com")]).build()?;
/// # Ok::<(), playgate_server::Faults>(())
/// ```
#[derive(Clone)]
pub struct GateLayer {
    /// All services behind the layer share what it knows.
    gate: Arc<Gate<Nothing>>,
    serves_manifests: bool,
    keeps_state: bool,
    client: fn(&Parts) -> Client,
}

/// Builds a [`GateLayer`].
#[derive(Clone)]
pub struct GateLayerBuilder {
    settings: Vec<(String, String)>,
    serves_manifests: bool,
    state: Option<Arc<dyn State>>,
    client: fn(&Parts) -> Client,
    surroundings: Arc<dyn Surroundings>,
}

/// What is wrong with settings: a sentence for each fault. No value is repeated, because it may be a misplaced secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(pub Vec<String>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl core::error::Error for Faults {}

impl GateLayer {
    /// A layer with these settings. Their names are those of the Worker's variables, `PLAYGATE_KEYS` among them.
    pub fn builder<N: Into<String>, V: Into<String>>(
        settings: impl IntoIterator<Item = (N, V)>,
    ) -> GateLayerBuilder {
        let settings = settings.into_iter().map(|(name, value)| (name.into(), value.into()));
        GateLayerBuilder {
            settings: settings.collect(),
            serves_manifests: false,
            state: None,
            client: |_| Client::default(),
            surroundings: Arc::new(SystemClock),
        }
    }
}

impl GateLayerBuilder {
    /// The service has media. Playlists that it answers are rewritten, as at every gate, so that segments have a token. Only
    /// GET and HEAD reach it, with the header fields that every media server gets, and viewers get those that every media
    /// server may send.
    #[must_use]
    pub fn manifests(self) -> Self {
        Self { serves_manifests: true, ..self }
    }

    /// Keeps state there: revocations, uses, playbacks and sessions. `ADMIN_SECRET` must be set. The layer answers the
    /// gate's own calls, below `/.playgate/`.
    #[must_use]
    pub fn state(self, state: Arc<dyn State>) -> Self {
        Self { state: Some(state), ..self }
    }

    /// Who sends a request: links for a network need the address, and sessions the scheme. Take them from a source that
    /// clients cannot set, such as the connection.
    #[must_use]
    pub fn client(self, client: fn(&Parts) -> Client) -> Self {
        Self { client, ..self }
    }

    /// The clock, and who learns of decisions.
    #[must_use]
    pub fn surroundings(self, surroundings: Arc<dyn Surroundings>) -> Self {
        Self { surroundings, ..self }
    }

    /// The layer.
    ///
    /// # Errors
    /// Every fault of the settings.
    pub fn build(self) -> Result<GateLayer, Faults> {
        let config = self.config()?;
        let Self { serves_manifests, state, client, surroundings, .. } = self;
        let keeps_state = state.is_some();
        let gate = Arc::new(Gate::new(Ok(config), Nothing, state, surroundings));
        Ok(GateLayer { gate, serves_manifests, keeps_state, client })
    }

    fn config(&self) -> Result<Config, Faults> {
        let keeps_state = match self.state {
            Some(_) => Binding::Right,
            None => Binding::Absent,
        };
        let mut names = Vec::new();
        let variables = Variables::read(Binding::Absent, keeps_state, keeps_state, |name| {
            names.push(name);
            let set = self.settings.iter().find(|(known, _)| known == name);
            match set {
                Some((_, text)) => Setting::Text(text.clone()),
                None if name == "ORIGIN" && self.serves_manifests => Setting::Text(INNER.into()),
                None => Setting::Unset,
            }
        });
        let variables = if self.serves_manifests { variables } else { variables.for_proxy() };
        let of_service = self.settings.iter().filter(|(name, _)| name == "ORIGIN");
        let mut faults: Vec<String> =
            of_service.map(|_| "ORIGIN: the service has the media; remove it".into()).collect();
        let unknown = self.settings.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        faults
            .extend(unknown.map(|(name, _)| {
                format!("{}: there is no such setting", playgate::redacted(name))
            }));
        let config = Config::read(&variables).map_err(|broken| faults.extend(broken.errors));
        match config {
            Ok(config) if faults.is_empty() => Ok(config),
            _ => Err(Faults(faults)),
        }
    }
}

impl fmt::Debug for GateLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateLayer").finish_non_exhaustive()
    }
}

/// Shows no setting: one is the key ring.
impl fmt::Debug for GateLayerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GateLayerBuilder").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for GateLayer {
    type Service = GateService<S>;

    fn layer(&self, service: S) -> Self::Service {
        GateService::new(self.clone(), service)
    }
}
