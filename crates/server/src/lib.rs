//! The gate without Cloudflare.
//!
//! [`Gate`] drives `playgate-edge` with the media of a [`MediaStore`], and asks a [`State`]. [`GateLayer`] puts it in
//! front of a service of yours.
//!
//! With the feature `standalone`, which is on by default, there is what a program needs that is nothing but a gate:
//! [`Directory`] and [`Origin`] for media, [`SqliteStore`] and [`RedisStore`] for state, [`listen`] for connections, [`Proxy`] for decisions
//! that a proxy asks for.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

mod body;
mod client;
#[cfg(feature = "standalone")]
mod directory;
#[cfg(feature = "standalone")]
mod events;
#[cfg(feature = "standalone")]
mod forward_auth;
mod gate;
#[cfg(feature = "standalone")]
mod http_client;
mod layer;
#[cfg(feature = "standalone")]
mod listen;
#[cfg(feature = "standalone")]
mod metrics;
#[cfg(feature = "standalone")]
mod origin;
mod read;
#[cfg(feature = "standalone")]
mod redis;
mod request;
#[cfg(feature = "standalone")]
mod sqlite;
mod state;
#[cfg(feature = "standalone")]
mod status;
mod store;
mod surroundings;
#[cfg(feature = "standalone")]
mod trusted_proxies;
#[cfg(feature = "standalone")]
mod write_timeout;

pub use crate::body::GateBody;
pub use crate::client::Client;
pub use crate::gate::Gate;
pub use crate::layer::{Faults, GateLayer, GateLayerBuilder, GateService, Grant};
pub use crate::state::{State, StateFailure, Told, Waiting};
pub use crate::store::{MediaStore, Metadata, Stored};
pub use crate::surroundings::{Surroundings, SystemClock};
#[cfg(feature = "standalone")]
pub use crate::{
    directory::{Directory, FileBody},
    events::{Due, EventQueue, StoredEvent, Webhooks},
    forward_auth::Proxy,
    listen::{Limits, listen, raise_open_files, stop_signal},
    metrics::Metrics,
    origin::{Origin, OriginBody},
    redis::{RedisAddress, RedisFault, RedisStore},
    sqlite::{SqliteStore, StateThread, StoreError},
    state::Leader,
    status::status,
    trusted_proxies::TrustedProxies,
};
