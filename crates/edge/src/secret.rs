//! The text of a secret variable: wiped when it is dropped, and never printed.

use core::fmt;

use zeroize::Zeroizing;

/// A secret, as the operator wrote it.
///
/// The string in our own memory is wiped. Some copies cannot be wiped: the JavaScript string of the
/// variable, which lives as long as the isolate; the string that becomes a header field of a request; and
/// what the compiler leaves on the stack when it moves a value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// The secret text.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    /// Takes ownership of the text, so that there is no second copy.
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::from(String::from(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_printed() {
        let secret = Secret::from("0123456789abcdef");
        assert_eq!(std::format!("{secret:?}"), "Secret(..)");
        assert_eq!(secret.expose(), "0123456789abcdef");
    }

    #[test]
    fn it_is_wiped_when_it_is_dropped() {
        // A compile-time check: the inner value wipes itself, and nothing is moved out of it.
        fn wipes<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wipes(&Secret::from("0123456789abcdef").0);
    }
}
