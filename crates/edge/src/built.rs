//! What this gate was built with. What is missing here is compiled as well, but nothing calls it, so the linker drops it.
//! JWTs and timed HMACs are up to `playgate_json::GateFormats`. Unit tests test all of it in every build.

/// Whether manifests are rewritten.
pub(crate) const MANIFESTS: bool = cfg!(any(test, feature = "manifests"));

/// Whether a proxy may deliver the media.
pub(crate) const PROXY: bool = cfg!(any(test, feature = "proxy"));

/// Whether there is a denylist, and records.
pub(crate) const STATE: bool = cfg!(any(test, feature = "state"));
