/// Longest foreign text that is quoted in a message.
const MAX_QUOTED_CHARS: usize = 80;

/// The candidate that `word` was probably meant to be: at most a third of its letters
/// differ, letter case aside.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&word, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, candidate)| {
            let longer = word.chars().count().max(candidate.chars().count());
            *distance <= (longer / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Longest sentence of a plugin or a system that is shown.
const MAX_SENTENCE_CHARS: usize = 600;

/// A sentence of somebody else's, with control characters escaped and its length bounded.
pub fn clean(text: &str) -> String {
    let mut cleaned = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == MAX_SENTENCE_CHARS {
            cleaned.push('…');
            break;
        }
        if character.is_control() && character != '\n' {
            cleaned.extend(character.escape_default());
        } else {
            cleaned.push(character);
        }
    }
    cleaned
}

/// Foreign text in backticks, with control characters escaped and its length bounded.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("`");
    for (index, character) in text.chars().enumerate() {
        if index == MAX_QUOTED_CHARS {
            quoted.push('…');
            break;
        }
        if character.is_control() {
            quoted.extend(character.escape_default());
        } else {
            quoted.push(character);
        }
    }
    quoted.push('`');
    quoted
}
