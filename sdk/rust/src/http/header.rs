//! Text in header values.

use std::borrow::Cow;

use super::fields::is_printable;

/// Makes any text fit for a header's value: percent-encodes the bytes (of UTF-8)
/// that are not visible ASCII, `%` itself, and spaces at either end, which receivers
/// strip. So `Kasse Köln 3` is sent as `Kasse K%C3%B6ln 3`, most text as it is, and
/// percent-decoding gives back exactly what was there.
pub fn encode_text(text: &str) -> Cow<'_, str> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'%';
    let has_no_padding = !matches!(text.as_bytes(), [b' ', ..] | [.., b' ']);
    let (words, rest) = text.as_bytes().as_chunks();
    let looks_plain = words
        .iter()
        .all(|word| is_printable(word) && !word.contains(&b'%'));
    if has_no_padding && looks_plain && rest.iter().copied().all(plain) {
        return Cow::Borrowed(text);
    }
    let inner = text.trim_matches(' ');
    let start = text.len() - text.trim_start_matches(' ').len();
    let inside = start..start + inner.len();
    let mut encoded = String::with_capacity(text.len() + 16);
    for (index, byte) in text.bytes().enumerate() {
        if plain(byte) && inside.contains(&index) {
            encoded.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            encoded.push('%');
            encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
            encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    Cow::Owned(encoded)
}
