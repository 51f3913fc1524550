//! Huffman codes: from how often a symbol occurs to the length of its code word, and from the lengths to the words.

use super::alphabet::LONGEST_CODE;

/// Symbols of the largest alphabet.
const MOST: usize = 288;

/// The code lengths for symbols that occur so often, none longer than `limit`. The code is complete: where fewer than
/// two symbols occur, two have a word of one bit, which every decoder takes.
pub(super) fn code_lengths(frequencies: &[u32], limit: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    let mut sorted = [0_u64; MOST];
    let mut n = 0;
    for (symbol, &f) in frequencies.iter().enumerate().filter(|(_, f)| **f > 0) {
        sorted[n] = u64::from(f) << 16 | symbol as u64;
        n += 1;
    }
    if n < 2 {
        let only = (sorted[0] & 0xffff) as usize;
        lengths[only] = 1;
        lengths[usize::from(only == 0)] = 1;
        return;
    }
    let leaves = &mut sorted[..n];
    leaves.sort_unstable();
    let words = words_of_each_length(leaves, limit);
    // The rarest symbols get the longest words.
    let mut rarest = leaves.iter().map(|leaf| (leaf & 0xffff) as usize);
    for length in (1..=limit).rev() {
        for symbol in rarest.by_ref().take(words[length]) {
            lengths[symbol] = length as u8;
        }
    }
}

/// How many code words of each length an optimal code has for leaves in rising order (frequency above 16 bits of symbol).
///
/// Two queues make the tree: leaves in order, and inner nodes, which come into being in order. Going down from the root,
/// each inner node turns one word into two that are longer by a bit; below the limit it takes a shorter word instead,
/// the longest there is, which keeps the code complete and nearly the best (libdeflate's way).
fn words_of_each_length(leaves: &[u64], limit: usize) -> [usize; LONGEST_CODE + 2] {
    let n = leaves.len();
    let mut weight = [0_u64; 2 * MOST];
    let mut parent = [0_u16; 2 * MOST];
    for (w, leaf) in weight.iter_mut().zip(leaves) {
        *w = leaf >> 16;
    }
    let root = 2 * n - 2;
    let (mut leaf, mut inner) = (0, n);
    for node in n..=root {
        for _ in 0..2 {
            let from_leaves = leaf < n && (inner >= node || weight[leaf] <= weight[inner]);
            let queue = if from_leaves { &mut leaf } else { &mut inner };
            weight[node] += weight[*queue];
            parent[*queue] = node as u16;
            *queue += 1;
        }
    }
    let mut words = [0; LONGEST_CODE + 2];
    words[1] = 2;
    let mut depth = [0_usize; 2 * MOST];
    for node in (n..root).rev() {
        depth[node] = depth[usize::from(parent[node])] + 1;
        let mut at = depth[node];
        if at >= limit {
            at = limit - 1;
            while words[at] == 0 {
                at -= 1;
            }
        }
        words[at] -= 1;
        words[at + 1] += 2;
    }
    words
}

/// The canonical code words of these lengths (RFC 1951, 3.2.2), their first bit lowest.
pub(super) fn code_words(lengths: &[u8], words: &mut [u16]) {
    let mut count = [0_u16; LONGEST_CODE + 1];
    for &l in lengths {
        count[usize::from(l)] += 1;
    }
    count[0] = 0;
    let mut next = [0_u16; LONGEST_CODE + 1];
    for l in 1..=LONGEST_CODE {
        next[l] = (next[l - 1] + count[l - 1]) << 1;
    }
    for (word, &l) in words.iter_mut().zip(lengths) {
        if l > 0 {
            *word = next[usize::from(l)].reverse_bits() >> (16 - l);
            next[usize::from(l)] += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sum of 2^-length, in units of 2^-15: a complete code has 2^15.
    fn kraft(lengths: &[u8]) -> u32 {
        lengths
            .iter()
            .filter(|l| **l > 0)
            .map(|l| 1 << (15 - l))
            .sum()
    }

    #[test]
    fn codes_are_complete_and_within_their_limit() {
        let mut fibonacci = vec![1_u32, 1];
        while fibonacci.len() < 40 {
            fibonacci.push(fibonacci[fibonacci.len() - 1] + fibonacci[fibonacci.len() - 2]);
        }
        let many: Vec<u32> = (0..286).map(|k| k * k).collect();
        for frequencies in [&[0, 0, 0][..], &[0, 7, 0], &[5, 0, 1], &fibonacci, &many] {
            for limit in [15, 10] {
                let mut lengths = vec![9; frequencies.len()];
                code_lengths(frequencies, limit, &mut lengths);
                assert_eq!(kraft(&lengths), 1 << 15, "{frequencies:?}");
                assert!(lengths.iter().all(|l| usize::from(*l) <= limit));
                for (f, l) in frequencies.iter().zip(&lengths) {
                    assert!(*f == 0 || *l > 0);
                }
            }
        }
    }

    #[test]
    fn code_words_are_those_of_the_standards_example() {
        let mut words = [0; 8];
        code_words(&[3, 3, 3, 3, 3, 2, 4, 4], &mut words);
        assert_eq!(
            words,
            [0b010, 0b110, 0b001, 0b101, 0b011, 0b00, 0b0111, 0b1111]
        );
    }
}
