/// A set of numbers below a bound; of a million it takes 125 kB, and the next member is found a
/// word at a time.
#[derive(Debug)]
pub(crate) struct Bits {
    words: Vec<u64>,
    len: u64,
}

impl Bits {
    pub(crate) fn none(len: u64) -> Self {
        Self {
            words: vec![0; word(len.next_multiple_of(64))],
            len,
        }
    }

    pub(crate) fn all(len: u64) -> Self {
        Self {
            words: vec![u64::MAX; word(len.next_multiple_of(64))],
            len,
        }
    }

    /// Whether it was not in it.
    pub(crate) fn set(&mut self, number: u64) -> bool {
        let Some(word) = self.words.get_mut(word(number)) else {
            return false;
        };
        let new = *word & bit(number) == 0;
        *word |= bit(number);
        new
    }

    pub(crate) fn has(&self, number: u64) -> bool {
        let word = self.words.get(word(number));
        word.is_some_and(|word| word & bit(number) != 0)
    }

    pub(crate) fn clear(&mut self, number: u64) {
        if let Some(word) = self.words.get_mut(word(number)) {
            *word &= !bit(number);
        }
    }

    /// The members from `first` on that are below `end`, in order.
    pub(crate) fn from(&self, first: u64, end: u64) -> impl Iterator<Item = u64> {
        let end = end.min(self.len);
        let mut next = first;
        std::iter::from_fn(move || {
            while next < end {
                let rest = self.words.get(word(next))? >> (next % 64);
                if rest == 0 {
                    next = (next / 64 + 1) * 64;
                } else {
                    let found = next + u64::from(rest.trailing_zeros());
                    next = found + 1;
                    return (found < end).then_some(found);
                }
            }
            None
        })
    }
}

fn word(number: u64) -> usize {
    usize::try_from(number / 64).unwrap_or(usize::MAX)
}

fn bit(number: u64) -> u64 {
    1 << (number % 64)
}
