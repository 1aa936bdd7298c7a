//! A small world for voters: a network that loses, delays, repeats and reorders, machines that
//! crash and come back with what was durable, and liars. Everything follows from one seed.

pub mod liars;
pub mod naive;
pub mod tendermint;

use std::collections::{BTreeMap, BTreeSet};

/// A rule of voting, driven by the world.
pub trait Rule {
    /// What voters send.
    type Message: Clone;
    /// What they make durable.
    type Row: Clone;

    /// A voter that begins, or comes back.
    fn start(&self, me: usize, row: Option<Self::Row>) -> Box<dyn Voter<Self::Message, Self::Row>>;

    /// Who said it first.
    fn author(&self, message: &Self::Message) -> usize;
}

/// One voter.
pub trait Voter<M, R> {
    /// Handles one input.
    fn handle(&mut self, input: In<M>, now: u64) -> Out<M, R>;
}

/// What goes into a voter.
#[derive(Clone)]
pub enum In<M> {
    Propose(Vec<u8>),
    Message(M),
    Timeout,
}

/// What comes out.
pub struct Out<M, R> {
    pub row: Option<R>,
    pub broadcast: Vec<M>,
    pub wake_at: Option<u64>,
    pub decided: Option<Vec<u8>>,
    /// Voters that this one accuses.
    pub accused: Vec<usize>,
}

/// A liar: hears everything, says what it likes to whom it likes.
pub trait Liar<M> {
    /// What it sends, to whom, after hearing a message, or nothing in particular.
    fn hear(&mut self, message: Option<&M>, now: u64, dice: &mut Dice) -> Vec<(usize, M)>;
}

/// How a world is.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    /// Until when it is bad; afterwards it is fair for ever.
    pub heal_ms: u64,
    /// Messages lost, in percent.
    pub loss: u64,
    /// Longest delay.
    pub delay_ms: u64,
    /// Links die, now these, now those, each time for at most so long; 0: they do not.
    pub cut_ms: u64,
    /// How likely nobody hears a machine any more once it has decided, in percent.
    pub mute: u64,
    /// Whether what one voter passes on of another gets lost.
    pub no_hearsay: bool,
    /// Crashes of honest machines in bad weather.
    pub crashes: u64,
    /// Until when everybody must have decided.
    pub end_ms: u64,
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// All honest voters decided this.
    Decided(Vec<u8>),
    /// Two honest voters decided differently.
    Fork,
    /// Somebody honest never decided.
    Stuck,
    /// Somebody honest was accused.
    FalseAccusation,
}

enum Event<M> {
    Deliver(usize, Packet<M>),
    Wake(usize),
    Crash(usize),
    Boot(usize),
    Mutter,
    /// From now on these links are dead, each in one direction.
    Cut(BTreeSet<(usize, usize)>),
}

#[derive(Clone)]
enum Packet<M> {
    Message(usize, M),
    /// A node that has decided shows it, as machines do.
    Shown(Vec<u8>),
}

/// A seeded source of chance (SplitMix64).
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides.max(1)
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

struct Machine<M, R> {
    voter: Option<Box<dyn Voter<M, R>>>,
    row: Option<R>,
    wish: Option<Vec<u8>>,
    wake_at: Option<u64>,
    decided: Option<Vec<u8>>,
}

pub struct World<'a, U: Rule> {
    rule: &'a U,
    weather: Weather,
    machines: Vec<Machine<U::Message, U::Row>>,
    liars: BTreeMap<usize, Box<dyn Liar<U::Message>>>,
    queue: BTreeMap<(u64, u64), Event<U::Message>>,
    ticket: u64,
    now: u64,
    dice: Dice,
    accused: BTreeSet<usize>,
    dead: BTreeSet<(usize, usize)>,
    /// Machines that nobody hears until the weather is fair.
    muted: BTreeSet<usize>,
}

impl<'a, U: Rule> World<'a, U> {
    /// A world of `wishes.len()` voters, each with what it would like decided.
    pub fn new(
        rule: &'a U,
        weather: Weather,
        wishes: Vec<Option<Vec<u8>>>,
        liars: BTreeMap<usize, Box<dyn Liar<U::Message>>>,
        seed: u64,
    ) -> Self {
        let machine = |wish| Machine { voter: None, row: None, wish, wake_at: None, decided: None };
        let mut world = Self {
            rule,
            weather,
            machines: wishes.into_iter().map(machine).collect(),
            liars,
            queue: BTreeMap::new(),
            ticket: 0,
            now: 0,
            dice: Dice(seed),
            accused: BTreeSet::new(),
            dead: BTreeSet::new(),
            muted: BTreeSet::new(),
        };
        let mut cut_at = 0;
        while weather.cut_ms > 0 && cut_at < weather.heal_ms {
            let links = world.choose_links();
            world.at(cut_at, Event::Cut(links));
            cut_at += 1 + world.dice.roll(weather.cut_ms);
        }
        world.at(weather.heal_ms, Event::Cut(BTreeSet::new()));
        for node in world.honest() {
            let at = world.dice.roll(weather.delay_ms);
            world.at(at, Event::Boot(node));
        }
        for _ in 0..weather.crashes {
            let at = world.dice.roll(weather.heal_ms);
            let honest = world.honest();
            let node = honest[world.dice.roll(honest.len() as u64) as usize];
            world.at(at, Event::Crash(node));
            // A machine that stays down until the weather is fair, or comes back soon.
            let back = match world.dice.chance(30) {
                true => weather.heal_ms,
                false => at + 1 + world.dice.roll(weather.delay_ms * 4),
            };
            world.at(back, Event::Boot(node));
        }
        for node in world.honest() {
            world.at(weather.heal_ms, Event::Boot(node));
        }
        world.at(1, Event::Mutter);
        world
    }

    /// Links that die together: some at random, all from one machine, all to it, or both.
    fn choose_links(&mut self) -> BTreeSet<(usize, usize)> {
        let nodes = self.machines.len();
        let kind = self.dice.roll(5);
        let lone = self.dice.roll(nodes as u64) as usize;
        let mut links = BTreeSet::new();
        for (from, to) in (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to))) {
            let dies = match kind {
                0 => self.dice.chance(30),
                1 => self.dice.chance(60),
                2 => from == lone,
                3 => to == lone,
                _ => from == lone || to == lone,
            };
            if dies {
                links.insert((from, to));
            }
        }
        links
    }

    /// Runs to the end.
    pub fn run(mut self) -> End {
        while let Some(((at, _), event)) = self.queue.pop_first() {
            assert!(self.queue.len() < 100_000, "a storm of messages");
            if at > self.weather.end_ms {
                break;
            }
            self.now = at;
            self.step(event);
            let honest = self.honest();
            let decided: BTreeSet<&Vec<u8>> =
                honest.iter().filter_map(|node| self.machines[*node].decided.as_ref()).collect();
            if decided.len() > 1 {
                return End::Fork;
            }
            if honest.iter().any(|node| self.accused.contains(node)) {
                return End::FalseAccusation;
            }
            if let Some(value) = decided.first()
                && honest.iter().all(|node| self.machines[*node].decided.is_some())
            {
                return End::Decided(value.to_vec());
            }
        }
        End::Stuck
    }

    fn honest(&self) -> Vec<usize> {
        (0..self.machines.len()).filter(|node| !self.liars.contains_key(node)).collect()
    }

    fn step(&mut self, event: Event<U::Message>) {
        match event {
            Event::Deliver(to, packet) if self.liars.contains_key(&to) => {
                let Packet::Message(_, message) = packet else { return };
                self.let_lie(to, Some(&message));
            }
            Event::Deliver(to, Packet::Message(from, message)) => {
                match &self.machines[to].decided {
                    Some(value) => {
                        let shown = Packet::Shown(value.clone());
                        self.send(to, from, shown);
                    }
                    None => self.feed(to, In::Message(message)),
                }
            }
            Event::Deliver(to, Packet::Shown(value)) => {
                let machine = &mut self.machines[to];
                if machine.voter.is_some() && machine.decided.is_none() {
                    machine.decided = Some(value);
                }
            }
            Event::Wake(node) if self.machines[node].wake_at.is_some_and(|at| at <= self.now) => {
                self.machines[node].wake_at = None;
                self.feed(node, In::Timeout);
            }
            Event::Wake(_) => {}
            Event::Crash(node) => self.machines[node].voter = None,
            Event::Boot(node) => self.boot(node),
            Event::Cut(dead) => self.dead = dead,
            Event::Mutter => {
                for liar in self.liars.keys().copied().collect::<Vec<_>>() {
                    self.let_lie(liar, None);
                }
                self.greet();
                let pause = 1 + self.dice.roll(400);
                self.at(self.now + pause, Event::Mutter);
            }
        }
    }

    fn boot(&mut self, node: usize) {
        if self.machines[node].voter.is_some() {
            return;
        }
        let row = self.machines[node].row.clone();
        self.machines[node].voter = Some(self.rule.start(node, row));
        if self.machines[node].decided.is_some() {
            return;
        }
        self.feed(node, In::Timeout);
        if let Some(wish) = self.machines[node].wish.clone() {
            self.feed(node, In::Propose(wish));
        }
    }

    fn feed(&mut self, node: usize, input: In<U::Message>) {
        let now = self.now;
        let is_fair = now >= self.weather.heal_ms;
        let machine = &mut self.machines[node];
        let Some(voter) = machine.voter.as_mut().filter(|_| machine.decided.is_none()) else {
            return;
        };
        let out = voter.handle(input, now);
        self.accused.extend(out.accused);
        // A crash in the middle: before anything was durable, or with half of it sent.
        let crash = !is_fair && self.weather.crashes > 0 && self.dice.chance(2);
        if crash && self.dice.chance(50) {
            return self.fall(node);
        }
        if out.row.is_some() {
            machine.row = out.row;
        }
        if out.decided.is_some() && !crash {
            machine.decided = out.decided;
            // The worst moment to lose somebody: it knows, and the others do not.
            if !is_fair && self.dice.chance(self.weather.mute) {
                self.muted.insert(node);
            }
        }
        machine.wake_at = out.wake_at;
        if let Some(at) = out.wake_at {
            self.at(at.max(now), Event::Wake(node));
        }
        for message in out.broadcast {
            for to in 0..self.machines.len() {
                if to != node && !(crash && self.dice.chance(50)) {
                    self.send(node, to, Packet::Message(node, message.clone()));
                }
            }
        }
        if crash {
            self.fall(node);
        }
    }

    /// Machines greet each other, and who has decided shows it to who has not.
    fn greet(&mut self) {
        let honest = self.honest();
        let decided = honest.iter().find(|node| self.machines[**node].decided.is_some());
        let Some(knower) = decided else { return };
        let Some(value) = self.machines[*knower].decided.clone() else { return };
        for node in &honest {
            if self.machines[*node].decided.is_none() {
                self.send(*knower, *node, Packet::Shown(value.clone()));
            }
        }
    }

    fn fall(&mut self, node: usize) {
        self.machines[node].voter = None;
        let back = self.now + 1 + self.dice.roll(self.weather.delay_ms * 2);
        self.at(back, Event::Boot(node));
    }

    fn let_lie(&mut self, liar: usize, message: Option<&U::Message>) {
        let now = self.now;
        let Some(heart) = self.liars.get_mut(&liar) else { return };
        for (to, lie) in heart.hear(message, now, &mut self.dice) {
            self.send(liar, to, Packet::Message(liar, lie));
        }
    }

    fn send(&mut self, from: usize, to: usize, packet: Packet<U::Message>) {
        let is_fair = self.now >= self.weather.heal_ms;
        // A liar reaches everybody.
        let is_lie = self.liars.contains_key(&from) || self.liars.contains_key(&to);
        if !is_fair && self.muted.contains(&from) {
            return;
        }
        if !is_lie && self.dead.contains(&(from, to)) {
            return;
        }
        if !is_fair && self.dice.chance(self.weather.loss) {
            return;
        }
        if !is_fair
            && self.weather.no_hearsay
            && matches!(&packet, Packet::Message(_, message) if self.rule.author(message) != from)
        {
            return;
        }
        let delay = if is_fair { 20 } else { self.weather.delay_ms };
        let at = self.now + 1 + self.dice.roll(delay);
        if !is_fair && self.dice.chance(10) {
            let again = at + self.dice.roll(delay * 3);
            self.at(again, Event::Deliver(to, packet.clone()));
        }
        self.at(at, Event::Deliver(to, packet));
    }

    fn at(&mut self, at: u64, event: Event<U::Message>) {
        self.ticket += 1;
        self.queue.insert((at, self.ticket), event);
    }
}
