//! Addresses as they are written, with the token of a [`Rewriter`].

use playgate::{
    CanonicalPath,
    path::{is_unreserved_path, is_unreserved_relative},
};

use crate::address::{Base, ResolvedAddress, Resource, resolve};
use crate::host::{Host, Scheme};
use crate::rewriter::Rewriter;

/// How much of an address is written when a token joins it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Scheme and host too. It leads to this host, whatever a player takes for its base.
    Full,
    /// The path on its own, unless the address names the other scheme of this host. For manifests without
    /// bases, where an address has only that of the manifest to start from.
    Path,
}

impl Rewriter {
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

    /// [`Rewriter::write`] in either form.
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
    pub(crate) fn target(
        &self,
        base: &Base,
        reference: &str,
        template: bool,
    ) -> Option<ResolvedAddress> {
        let target = resolve(self.host.as_ref(), base, reference, template);
        target.filter(|target| !self.is_signed(target))
    }

    /// Whether there is a token at a target.
    pub(crate) fn is_signed(&self, target: &ResolvedAddress) -> bool {
        self.token_names.are_in(&target.path, target.query.get(1..))
    }

    /// What precedes each address of unreserved characters that is relative to the manifest, as
    /// [`Rewriter::write`] writes it: so that a playlist has only to join them. `None` where they differ.
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

    /// [`Rewriter::write`] for what most addresses are: unreserved characters and slashes, which need neither
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
        let (directory, path) = if is_unreserved_relative(reference.as_bytes()) {
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
            if !path.starts_with(&self.directory) || !is_unreserved_path(path.as_bytes()) {
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
        self.token.segment_signer().is_some()
            && resource == Resource::Manifest
            && !CanonicalPath::parse(path).is_ok_and(CanonicalPath::is_manifest)
    }

    /// Appends the address of a target, or nothing where it stays as it is.
    pub(crate) fn write_target(
        &self,
        form: Form,
        target: &ResolvedAddress,
        resource: Resource,
        out: &mut String,
    ) {
        let ResolvedAddress { scheme, path, query, fragment, inherits } = target;
        let signer = self.token.segment_signer().filter(|_| resource == Resource::Media);
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
            if !(*inherits || (self.in_path && self.is_exchanged())) {
                return;
            }
            push_host(host.filter(|_| !*inherits), out);
        } else if !path.starts_with(&self.directory) || self.is_outside_preview(path, resource) {
            return;
        } else if let Some(signer) = signer {
            let Ok(canonical) = CanonicalPath::parse(path) else { return };
            push_host(host, out);
            out.push('/');
            signer.push(canonical, query.get(1..), out);
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
