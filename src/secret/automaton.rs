//! Many texts looked for at once, one step a byte (Aho and Corasick). Unlike the ready-made one it says how much of some
//! text it has seen so far: exactly that much of a stream must wait for its next bytes.

/// A place in the search; the beginning is 0.
pub(super) type State = u32;

/// The texts that are looked for.
#[derive(Debug)]
pub(super) struct Automaton {
    nodes: Vec<Node>,
    first: [State; 256],
}

#[derive(Debug, Default)]
struct Node {
    edges: Vec<(u8, State)>,
    /// Where the longest proper end of what was seen stands.
    shorter: State,
    depth: u32,
    /// Every text that ends here, the longest first.
    ends: Vec<u32>,
}

impl Automaton {
    /// An empty text is never found.
    pub fn new(texts: &[Vec<u8>]) -> Self {
        let mut automaton = Self { nodes: vec![Node::default()], first: [0; 256] };
        for (number, text) in (0..).zip(texts).filter(|(_, text)| !text.is_empty()) {
            automaton.insert(text, number);
        }
        automaton.connect();
        automaton
    }

    fn insert(&mut self, text: &[u8], number: u32) {
        let mut state = 0;
        for byte in text {
            state = self.edge(state, *byte).unwrap_or_else(|| {
                let new = State::try_from(self.nodes.len()).expect("texts are fewer than four thousand million bytes");
                let depth = self.nodes[state as usize].depth + 1;
                self.nodes.push(Node { depth, ..Node::default() });
                self.nodes[state as usize].edges.push((*byte, new));
                if state == 0 {
                    self.first[usize::from(*byte)] = new;
                }
                new
            });
        }
        self.nodes[state as usize].ends.push(number);
    }

    /// Nearer nodes first: a shorter end is always nearer to the beginning.
    fn connect(&mut self) {
        let mut order: Vec<State> = self.nodes[0].edges.iter().map(|(_, to)| *to).collect();
        let mut at = 0;
        while let Some(state) = order.get(at).copied() {
            at += 1;
            for (byte, to) in self.nodes[state as usize].edges.clone() {
                let shorter = self.next(self.nodes[state as usize].shorter, byte);
                let more = self.nodes[shorter as usize].ends.clone();
                let node = &mut self.nodes[to as usize];
                node.shorter = shorter;
                node.ends.extend(more);
                order.push(to);
            }
        }
    }

    fn edge(&self, state: State, byte: u8) -> Option<State> {
        if state == 0 {
            return Some(self.first[usize::from(byte)]).filter(|next| *next != 0);
        }
        self.nodes[state as usize].edges.iter().find(|(known, _)| *known == byte).map(|(_, to)| *to)
    }

    /// One step.
    pub fn next(&self, mut state: State, byte: u8) -> State {
        loop {
            match self.edge(state, byte) {
                Some(next) => return next,
                None if state == 0 => return 0,
                None => state = self.nodes[state as usize].shorter,
            }
        }
    }

    /// Whether some text begins with this byte.
    pub fn begins(&self, byte: u8) -> bool {
        self.first[usize::from(byte)] != 0
    }

    /// How many of the last bytes may be the beginning of a text.
    pub fn depth(&self, state: State) -> usize {
        self.nodes[state as usize].depth as usize
    }

    /// The texts that end here.
    pub fn ends(&self, state: State) -> &[u32] {
        &self.nodes[state as usize].ends
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(texts: &[Vec<u8>], bytes: &[u8]) -> Vec<(usize, u32)> {
        let automaton = Automaton::new(texts);
        let mut state = 0;
        let mut found = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            state = automaton.next(state, *byte);
            found.extend(automaton.ends(state).iter().map(|number| (at + 1, *number)));
        }
        found.sort_unstable();
        found
    }

    proptest! {
        #[test]
        fn it_finds_what_looking_everywhere_finds(
            texts in proptest::collection::vec(proptest::collection::vec(0_u8..3, 1..6), 1..6),
            bytes in proptest::collection::vec(0_u8..3, 0..60),
        ) {
            let mut expected = Vec::new();
            for (number, text) in (0..).zip(&texts) {
                for end in text.len()..=bytes.len() {
                    if bytes[end - text.len()..end] == **text {
                        expected.push((end, number));
                    }
                }
            }
            expected.sort_unstable();
            prop_assert_eq!(found(&texts, &bytes), expected);
        }
    }
}
