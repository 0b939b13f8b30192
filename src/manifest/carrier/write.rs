//! Addresses as they are written, with the token of a [`Carrier`].

use alloc::string::String;

use crate::manifest::address::{Base, Resource, Target, resolve};
use crate::manifest::carrier::Carrier;
use crate::manifest::host::{Host, Scheme};
use crate::path::{CanonicalPath, is_plain, is_plain_relative};
use crate::query::{ParamNames, SignedQuery};
use crate::request::is_signed;
use crate::scope::Scope;

/// How much of an address is written when a token joins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Scheme and host too. It leads to this host, whatever a player takes for its base.
    Full,
    /// The path on its own, unless the address names the other scheme of this host. For manifests without
    /// bases, where an address has only that of the manifest to start from.
    Path,
}

impl Carrier {
    /// Appends `reference`, relative to `base`, as it has to be in the manifest: with the token where it
    /// leads into the scope on this host and does not inherit it, without where it is public, and otherwise
    /// byte for byte as it was. Returns whether it has changed.
    ///
    /// In a `template` the identifiers of DASH (`$Number%05d$`, ISO/IEC 23009-1, section 5.3.9.4.4) stand
    /// for a part of a path segment, and are copied as they are.
    pub(crate) fn write(
        &self,
        base: &Base,
        reference: &str,
        resource: Resource,
        template: bool,
        out: &mut String,
    ) -> bool {
        self.write_as(Form::Path, base, reference, resource, template, out)
    }

    /// [`Carrier::write`] in either form.
    pub(crate) fn write_as(
        &self,
        form: Form,
        base: &Base,
        reference: &str,
        resource: Resource,
        template: bool,
        out: &mut String,
    ) -> bool {
        if let Some(has_changed) = self.write_plain(form, base, reference, out) {
            return has_changed;
        }
        let start = out.len();
        if let Some(target) = self.target(base, reference, template) {
            self.write_target(form, &target, resource, out);
        }
        if out.len() == start {
            out.push_str(reference);
        }
        out.get(start..) != Some(reference)
    }

    /// Where `reference` leads. What carries a token already leads nowhere here: it stays as it is.
    pub(crate) fn target(&self, base: &Base, reference: &str, template: bool) -> Option<Target> {
        let target = resolve(self.host.as_ref(), base, reference, template);
        target.filter(|target| !self.is_signed(target))
    }

    /// Whether there is a token at a target.
    pub(crate) fn is_signed(&self, target: &Target) -> bool {
        let names = self.token_names.iter().map(String::as_str);
        is_signed(names, &target.path, target.query.get(1..))
    }

    /// What precedes each address of unreserved characters that is relative to the manifest, as
    /// [`Carrier::write`] writes it: so that a playlist has only to join them. `None` where they differ.
    pub(crate) fn plain_prefix(&self) -> Option<String> {
        if !self.only_adds() {
            return None;
        }
        let directory = self.path.get(..=self.path.rfind('/')?)?;
        if self.inherits() {
            Some(String::new())
        } else if directory.starts_with(&self.directory) {
            Some([&self.prefix, directory].concat())
        } else {
            None
        }
    }

    /// [`Carrier::write`] for what most addresses are: unreserved characters and slashes, which need neither
    /// to be decoded nor to be resolved, only joined.
    fn write_plain(
        &self,
        form: Form,
        base: &Base,
        reference: &str,
        out: &mut String,
    ) -> Option<bool> {
        let Base::Here { path, inherits } = base else { return None };
        if !self.only_adds() {
            return None;
        }
        let (directory, path) = if is_plain_relative(reference.as_bytes()) {
            let directory = path.get(..=path.rfind('/')?)?;
            if *inherits {
                out.push_str(reference);
                return Some(false);
            }
            if !directory.starts_with(&self.directory) {
                return None;
            }
            (directory, reference)
        } else {
            let own = self.host.as_ref().and_then(|host| host.strip(reference));
            let path = own.unwrap_or(reference);
            if !path.starts_with(&self.directory) || !is_plain(path.as_bytes()) {
                return None;
            }
            ("", path)
        };
        if form == Form::Full {
            self.host.as_ref()?.push(None, out);
        }
        out.push_str(&self.prefix);
        out.push_str(directory);
        out.push_str(path);
        Some(true)
    }

    /// Whether a preview's token does not open a manifest, as it has another name than manifests have.
    fn is_outside_preview(&self, path: &str, resource: Resource) -> bool {
        self.stamp.is_some()
            && resource == Resource::Manifest
            && !CanonicalPath::parse(path).is_ok_and(CanonicalPath::is_manifest)
    }

    /// Appends the address of a target, or nothing where it stays as it is.
    pub(crate) fn write_target(
        &self,
        form: Form,
        target: &Target,
        resource: Resource,
        out: &mut String,
    ) {
        let Target { scheme, path, query, fragment, inherits } = target;
        let stamp = self.stamp.as_ref().filter(|_| resource == Resource::Media);
        let host = self.host.as_ref();
        let is_full = match form {
            Form::Full => true,
            // The scheme that the address has by itself is kept.
            Form::Path => scheme.is_some() && *scheme != host.map(|host| host.scheme),
        };
        let host = host.filter(|_| is_full).map(|host| (host, *scheme));
        if host.is_none() && form == Form::Full {
            return;
        }
        if self.public.contains(path) {
            // Nor may it keep a token that was exchanged: that one ends.
            if !(*inherits || (self.in_path && self.exchanged)) {
                return;
            }
            push_host(host.filter(|_| !*inherits), out);
        } else if !path.starts_with(&self.directory) || self.is_outside_preview(path, resource) {
            return;
        } else if let Some(stamp) = stamp {
            let Ok(canonical) = CanonicalPath::parse(path) else { return };
            let names = ParamNames::new(&self.unsigned_params);
            let signed = match query.get(1..) {
                Some(query) => SignedQuery::Without(query, names),
                None => SignedQuery::None,
            };
            push_host(host, out);
            out.push('/');
            stamp.push(Scope::exact(canonical, signed), out);
        } else if *inherits {
            return;
        } else {
            push_host(host, out);
            out.push_str(&self.prefix);
        }
        out.push_str(path);
        out.push_str(query);
        out.push_str(fragment);
    }
}

fn push_host(host: Option<(&Host, Option<Scheme>)>, out: &mut String) {
    if let Some((host, scheme)) = host {
        host.push(scheme, out);
    }
}
