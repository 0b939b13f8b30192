//! Text of a variable that is a secret: wiped when it is dropped, and never printed.

use core::fmt;

use zeroize::Zeroizing;

/// A secret as the operator wrote it.
///
/// The string in our own memory is wiped. What the platform does not let us wipe is the JavaScript string
/// of the variable, which lives as long as the isolate; the string that a header field of a request is
/// made of; and what the compiler leaves on the stack where it moves a value.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    /// Takes the text over, so that there is no second copy.
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
        // By its type: what it holds wipes itself, and nothing of it is moved out.
        fn wipes<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        wipes(&Secret::from("0123456789abcdef").0);
    }
}
