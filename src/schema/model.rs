//! Content models: which child may follow which.
//!
//! XSD demands that a child tells at once which particle it belongs to (unique particle attribution). So the
//! automaton whose states are the particles themselves (Glushkov's) is deterministic as it stands; a schema where
//! it is not is refused. A repeated element is one state with a counter, so `maxOccurs="10000"` costs nothing.

use std::collections::VecDeque;

use super::names::{Name, Namespace};

/// Index of an element declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ElementId(pub(super) u32);

/// Without end.
pub(super) const UNBOUNDED: u32 = u32::MAX;

/// The most states of one content model; counted repetitions of groups are what makes many.
const MOST_STATES: usize = 4096;

/// A particle of a content model, as the schema writes it.
#[derive(Clone, Debug)]
pub(super) struct Particle {
    pub(super) term: Term,
    pub(super) min: u32,
    pub(super) max: u32,
}

/// What a particle stands for.
#[derive(Clone, Debug)]
pub(super) enum Term {
    Element(Name, ElementId),
    Any(Wildcard),
    Sequence(Vec<Particle>),
    Choice(Vec<Particle>),
}

/// A wildcard: which namespaces, and what happens to what it lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wildcard {
    /// None for `##any`; otherwise `##other`: any namespace but this one and none.
    pub(super) other_than: Option<Namespace>,
    pub(super) process: Process,
}

/// `processContents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Process {
    /// Checked as far as declarations are there.
    Lax,
    /// Not looked at.
    Skip,
}

/// A compiled sequence or choice.
#[derive(Debug)]
pub(super) struct Model {
    states: Vec<State>,
}

/// State 0 is the start, every other one "just after this particle".
#[derive(Debug, Default)]
struct State {
    label: Option<Label>,
    min: u32,
    max: u32,
    next: Vec<u32>,
    accepts: bool,
}

/// What a child is matched with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    Element(Name, ElementId),
    Any(Wildcard),
}

/// Where an element is in its model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    state: u32,
    count: u32,
}

/// Something that must come before the document can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Missing {
    /// The elements of which one is missing; the first is the one on the way.
    pub(super) names: Vec<Name>,
}

impl Wildcard {
    pub(super) fn admits(&self, namespace: Namespace) -> bool {
        match self.other_than {
            None => true,
            Some(own) => namespace != own && namespace != Namespace::NONE,
        }
    }
}

impl Label {
    fn matches(&self, name: Option<Name>, namespace: Namespace) -> bool {
        match self {
            Label::Element(own, _) => name == Some(*own),
            Label::Any(wildcard) => wildcard.admits(namespace),
        }
    }
}

impl Model {
    /// Compiles a particle; `namespace_of` says in which namespace a name is. The error says what is ambiguous or
    /// too large.
    pub(super) fn compile(
        particle: &Particle,
        namespace_of: &dyn Fn(Name) -> Namespace,
    ) -> Result<Model, String> {
        let mut builder = Builder {
            states: vec![State::default()],
        };
        let whole = builder.particle(particle)?;
        builder.states[0].next = whole.first;
        builder.states[0].accepts = whole.nullable;
        for last in whole.last {
            builder.states[last as usize].accepts = true;
        }
        let mut model = Model {
            states: builder.states,
        };
        for state in &mut model.states {
            state.next.sort_unstable();
            state.next.dedup();
        }
        model.determinate(namespace_of)?;
        Ok(model)
    }

    /// The labels of all particles.
    pub(super) fn labels(&self) -> impl Iterator<Item = Label> {
        self.states.iter().filter_map(|state| state.label)
    }

    /// The names of all elements.
    pub(super) fn names(&self) -> impl Iterator<Item = Name> {
        self.labels().filter_map(|label| match label {
            Label::Element(name, _) => Some(name),
            Label::Any(_) => None,
        })
    }

    /// Takes a child; none, and no move, when it does not fit.
    pub(super) fn step(
        &self,
        cursor: &mut Cursor,
        name: Option<Name>,
        namespace: Namespace,
    ) -> Option<Label> {
        let state = &self.states[cursor.state as usize];
        if let Some(label) = state.label
            && state.max > 1
            && label.matches(name, namespace)
            && cursor.count < state.max
        {
            // Below the cap of elements, so never near the end of u32.
            cursor.count += 1;
            return Some(label);
        }
        if cursor.count < state.min {
            return None;
        }
        self.states[cursor.state as usize]
            .next
            .iter()
            .find_map(|next| {
                let label = self.states[*next as usize]
                    .label
                    .filter(|label| label.matches(name, namespace))?;
                *cursor = Cursor {
                    state: *next,
                    count: 1,
                };
                Some(label)
            })
    }

    /// True when the element may end here.
    pub(super) fn accepts(&self, cursor: Cursor) -> bool {
        let state = &self.states[cursor.state as usize];
        state.accepts && cursor.count >= state.min
    }

    /// The elements that may come next.
    pub(super) fn expected(&self, cursor: Cursor) -> Vec<Name> {
        let state = &self.states[cursor.state as usize];
        let again = state
            .label
            .filter(|_| state.max > 1 && cursor.count < state.max);
        let enough = cursor.count >= state.min;
        let next = state
            .next
            .iter()
            .filter(|_| enough)
            .filter_map(|next| self.states[*next as usize].label);
        let mut names: Vec<Name> = Vec::new();
        for label in again.into_iter().chain(next) {
            if let Label::Element(name, _) = label
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// What is missing before this child (or the end, for none) could come, with as little as possible supplied;
    /// none when nothing that is missing would make it fit. The cursor is moved to where it fits.
    pub(super) fn gap(
        &self,
        cursor: &mut Cursor,
        wanted: Option<(Option<Name>, Namespace)>,
    ) -> Option<Vec<Missing>> {
        let here = &self.states[cursor.state as usize];
        let mut missing = Vec::new();
        if cursor.count < here.min {
            missing.extend(
                self.name(cursor.state)
                    .map(|name| Missing { names: vec![name] }),
            );
        }
        let fits = |state: u32| match wanted {
            None => self.states[state as usize].accepts,
            Some((name, namespace)) => self.states[state as usize].next.iter().any(|next| {
                self.states[*next as usize]
                    .label
                    .is_some_and(|label| label.matches(name, namespace))
            }),
        };
        let path = self.shortest(cursor.state, None, &fits)?;
        for pair in path.windows(2) {
            missing.push(Missing {
                names: self.alternatives(pair[0], pair[1], &fits),
            });
        }
        let end = *path.last()?;
        *cursor = Cursor {
            state: end,
            count: self.states[end as usize].min.max(1),
        };
        Some(missing)
    }

    /// The shortest way from a state to one that fits, perhaps around another; optional particles are passed over by
    /// the edges themselves.
    fn shortest(
        &self,
        from: u32,
        around: Option<u32>,
        fits: &dyn Fn(u32) -> bool,
    ) -> Option<Vec<u32>> {
        let mut before = vec![u32::MAX; self.states.len()];
        let mut queue = VecDeque::from([from]);
        before[from as usize] = from;
        if let Some(around) = around {
            before[around as usize] = around;
        }
        while let Some(state) = queue.pop_front() {
            if fits(state) {
                let mut path = vec![state];
                let mut at = state;
                while at != from {
                    at = before[at as usize];
                    path.push(at);
                }
                path.reverse();
                return Some(path);
            }
            for next in &self.states[state as usize].next {
                if before[*next as usize] == u32::MAX {
                    before[*next as usize] = state;
                    queue.push_back(*next);
                }
            }
        }
        None
    }

    /// The elements that could fill the same gap as the step from `at` to `to`: those that lead on without it. What
    /// is merely optional before it does not.
    fn alternatives(&self, at: u32, to: u32, fits: &dyn Fn(u32) -> bool) -> Vec<Name> {
        let mut names: Vec<Name> = self.name(to).into_iter().collect();
        for next in &self.states[at as usize].next {
            let leads_on = *next != to && self.shortest(*next, Some(to), fits).is_some();
            if let Some(name) = self
                .name(*next)
                .filter(|name| leads_on && !names.contains(name))
            {
                names.push(name);
            }
        }
        names
    }

    fn name(&self, state: u32) -> Option<Name> {
        match self.states[state as usize].label? {
            Label::Element(name, _) => Some(name),
            Label::Any(_) => None,
        }
    }

    /// Refuses a model where a child could belong to two particles.
    fn determinate(&self, namespace_of: &dyn Fn(Name) -> Namespace) -> Result<(), String> {
        let overlap = |left: Label, right: Label| match (left, right) {
            (Label::Element(left, _), Label::Element(right, _)) => left == right,
            (Label::Element(name, _), Label::Any(any))
            | (Label::Any(any), Label::Element(name, _)) => any.admits(namespace_of(name)),
            (Label::Any(_), Label::Any(_)) => true,
        };
        for (index, state) in self.states.iter().enumerate() {
            // A repetition without end inside another one: it is the same particle whichever goes on.
            let same =
                |next: u32| next as usize == index && state.min <= 1 && state.max == UNBOUNDED;
            let next = state.next.iter().filter(|next| !same(**next));
            let labels: Vec<Label> = next
                .filter_map(|next| self.states[*next as usize].label)
                .collect();
            // With a fixed count it is known when the repetition is over.
            let repeats = state
                .label
                .filter(|_| state.max > 1 && state.min != state.max);
            let clash = labels.iter().enumerate().any(|(index, label)| {
                labels[..index].iter().any(|other| overlap(*label, *other))
                    || repeats.is_some_and(|own| overlap(own, *label))
            });
            if clash {
                return Err(
                    "a child could belong to two particles (unique particle attribution)"
                        .to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// A part of the automaton under construction.
#[derive(Clone, Debug)]
struct Part {
    nullable: bool,
    first: Vec<u32>,
    last: Vec<u32>,
}

struct Builder {
    states: Vec<State>,
}

impl Builder {
    fn particle(&mut self, particle: &Particle) -> Result<Part, String> {
        let (min, max) = (particle.min, particle.max);
        if max == 0 {
            return Ok(Part {
                nullable: true,
                first: Vec::new(),
                last: Vec::new(),
            });
        }
        let label = match &particle.term {
            Term::Element(name, id) => Label::Element(*name, *id),
            Term::Any(wildcard) => Label::Any(*wildcard),
            Term::Sequence(_) | Term::Choice(_) => return self.group(particle),
        };
        if self.states.len() > MOST_STATES {
            return Err(format!(
                "a content model of more than {MOST_STATES} particles"
            ));
        }
        let id = self.states.len() as u32;
        let state = State {
            label: Some(label),
            min: min.max(1),
            max,
            next: Vec::new(),
            accepts: false,
        };
        self.states.push(state);
        Ok(Part {
            nullable: min == 0,
            first: vec![id],
            last: vec![id],
        })
    }

    /// A group with its occurrences: repeated without end by a loop, otherwise written out as often as it may occur.
    fn group(&mut self, particle: &Particle) -> Result<Part, String> {
        let (min, max) = (particle.min, particle.max);
        let copies = if max == UNBOUNDED { min.max(1) } else { max };
        let mut whole = self.once(&particle.term)?;
        if copies > 1 && whole.nullable {
            return Err("a counted repetition of a group that may be empty".to_owned());
        }
        let mut tail = whole.clone();
        for copy in 1..copies {
            let next = self.once(&particle.term)?;
            self.link(&tail.last, &next.first);
            if copy + 1 > min {
                whole.last.extend(&next.last);
            } else {
                whole.last = next.last.clone();
            }
            tail = next;
        }
        if max == UNBOUNDED {
            self.link(&tail.last, &tail.first);
        }
        whole.nullable |= min == 0;
        Ok(whole)
    }

    fn once(&mut self, term: &Term) -> Result<Part, String> {
        let (items, in_order) = match term {
            Term::Sequence(items) => (items, true),
            Term::Choice(items) => (items, false),
            Term::Element(..) | Term::Any(_) => return Err("not a group".to_owned()),
        };
        let mut whole = Part {
            nullable: in_order,
            first: Vec::new(),
            last: Vec::new(),
        };
        for item in items {
            let part = self.particle(item)?;
            if in_order {
                self.link(&whole.last, &part.first);
                if whole.nullable {
                    whole.first.extend(&part.first);
                }
                if !part.nullable {
                    whole.last.clear();
                }
                whole.nullable &= part.nullable;
            } else {
                whole.first.extend(&part.first);
                whole.nullable |= part.nullable;
            }
            whole.last.extend(&part.last);
        }
        Ok(whole)
    }

    fn link(&mut self, from: &[u32], to: &[u32]) {
        for state in from {
            self.states[*state as usize].next.extend(to);
        }
    }
}
