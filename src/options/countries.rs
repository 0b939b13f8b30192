//! The countries of ISO 3166-1 alpha-2: a signer that writes another one makes a link that nobody can use.
//! Gates do not ask: the list changes, and links outlast it.

/// The officially assigned codes, 249 of them: for each first letter the second ones.
const ASSIGNED: [&str; 26] = [
    "DEFGILMOQRSTUWXZ",
    "ABDEFGHIJLMNOQRSTVWYZ",
    "ACDFGHIKLMNORUVWXYZ",
    "EJKMOZ",
    "CEGHRST",
    "IJKMOR",
    "ABDEFGHILMNPQRSTUWY",
    "KMNRTU",
    "DELMNOQRST",
    "EMOP",
    "EGHIMNPRWYZ",
    "ABCIKRSTUVY",
    "ACDEFGHKLMNOPQRSTUVWXYZ",
    "ACEFGILOPRUZ",
    "M",
    "AEFGHKLMNRSTWY",
    "A",
    "EOSUW",
    "ABCDEGHIJKLMNORSTVXYZ",
    "CDFGHJKLMNORTVWZ",
    "AGMSYZ",
    "ACEGINU",
    "FS",
    "",
    "ET",
    "AMW",
];

/// Whether a code in upper case is a country: an assigned one, or XK, which CDNs say for Kosovo.
pub(super) fn is_country([first, second]: [u8; 2]) -> bool {
    let seconds = ASSIGNED.get(usize::from(first.wrapping_sub(b'A')));
    seconds.is_some_and(|seconds| seconds.as_bytes().contains(&second)) || [first, second] == *b"XK"
}

/// What to write instead of a code that is none.
pub(super) fn instead(code: [u8; 2]) -> Option<&'static str> {
    Some(match &code {
        b"UK" => "write GB",
        b"EL" => "write GR",
        b"EU" => "it is a union: list its countries",
        _ => return None,
    })
}

/// The first code of `PT.ES` that is two letters and no country.
pub(crate) fn unknown(countries: &str) -> Option<[u8; 2]> {
    let codes = countries.split('.').filter_map(|code| <[u8; 2]>::try_from(code.as_bytes()).ok());
    let mut letters = codes.filter(|code| code.iter().all(u8::is_ascii_alphabetic));
    letters.find(|code| !is_country(*code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assigned_codes() {
        let letters = || b'A'..=b'Z';
        let all = letters().flat_map(|a| letters().map(move |b| [a, b]));
        assert_eq!(all.filter(|code| is_country(*code)).count(), 250);
        for code in ["AD", "GB", "GR", "PT", "SS", "XK", "ZW"] {
            assert_eq!(unknown(code), None, "{code}");
        }
        for code in ["UK", "EL", "EU", "AP", "AN", "YU", "ZZ", "XX", "pt"] {
            assert_eq!(unknown(code), code.as_bytes().try_into().ok(), "{code}");
        }
        assert_eq!(unknown("PT.UK"), Some(*b"UK"));
    }
}
