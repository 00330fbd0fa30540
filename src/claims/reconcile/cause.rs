//! Why two counts differ: a closed list, in the words of both languages.

/// The cause of one difference between the gateway and the caisse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// Sent, and without a receipt yet: in our denominator alone, or counted there before we were told.
    NotYetAnswered,
    /// Refused (ARL −) and not replaced.
    Refused,
    /// Acknowledged, and its payment rejected later: the caisse no longer counts it, or counts it still although the
    /// unit was billed again to another one.
    RejectedLater,
    /// Both sides count it, in different months.
    OtherPeriod,
    /// Both sides count it, in different classes.
    OtherMode,
    /// Both sides have it as electronic, and only one of them says that it came late; it moves no count.
    LateOnOneSide,
    /// Paper that the centre did not declare.
    PaperOnlyThere,
    /// The caisse counts one unit more than once.
    Duplicate,
    /// The caisse has it, and it was not we who sent it: by hand, after a cancellation, or never sealed here.
    OtherRoute,
    /// The caisse has it, and it was never admitted here.
    UnknownToUs,
    /// We hold a positive receipt, or paper was declared, and the caisse does not have it.
    UnknownToThem,
    /// The caisse counts what the policy leaves out here.
    Excluded,
}

impl Cause {
    /// Every cause, in the order of a bridge.
    pub const ALL: [Cause; 12] = [
        Cause::NotYetAnswered,
        Cause::Refused,
        Cause::RejectedLater,
        Cause::OtherPeriod,
        Cause::OtherMode,
        Cause::LateOnOneSide,
        Cause::PaperOnlyThere,
        Cause::Duplicate,
        Cause::OtherRoute,
        Cause::UnknownToUs,
        Cause::UnknownToThem,
        Cause::Excluded,
    ];

    /// The code used in answers and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::NotYetAnswered => "not-yet-answered",
            Cause::Refused => "refused",
            Cause::RejectedLater => "rejected-later",
            Cause::OtherPeriod => "other-period",
            Cause::OtherMode => "other-mode",
            Cause::LateOnOneSide => "late-on-one-side",
            Cause::PaperOnlyThere => "paper-only-there",
            Cause::Duplicate => "duplicate",
            Cause::OtherRoute => "other-route",
            Cause::UnknownToUs => "unknown-to-us",
            Cause::UnknownToThem => "unknown-to-them",
            Cause::Excluded => "excluded",
        }
    }

    /// Reads that code.
    pub fn parse(text: &str) -> Option<Cause> {
        Cause::ALL.into_iter().find(|cause| cause.as_str() == text)
    }

    /// For people, in French.
    pub fn fr(self) -> &'static str {
        match self {
            Cause::NotYetAnswered => "sans réponse à ce jour",
            Cause::Refused => "refusé (ARL négatif)",
            Cause::RejectedLater => "rejeté après l'accusé",
            Cause::OtherPeriod => "compté sur une autre période",
            Cause::OtherMode => "mode enregistré différemment",
            Cause::LateOnOneSide => "en retard d'un seul côté",
            Cause::PaperOnlyThere => "papier connu de la seule caisse",
            Cause::Duplicate => "doublon d'un côté",
            Cause::OtherRoute => "transmis par une autre voie",
            Cause::UnknownToUs => "inconnu de la passerelle",
            Cause::UnknownToThem => "inconnu de la caisse",
            Cause::Excluded => "exclu par la règle de calcul",
        }
    }

    /// For people, in English.
    pub fn en(self) -> &'static str {
        match self {
            Cause::NotYetAnswered => "not yet answered",
            Cause::Refused => "refused",
            Cause::RejectedLater => "rejected later",
            Cause::OtherPeriod => "counted in another period",
            Cause::OtherMode => "mode recorded differently",
            Cause::LateOnOneSide => "late on one side",
            Cause::PaperOnlyThere => "paper known only to the caisse",
            Cause::Duplicate => "duplicate on one side",
            Cause::OtherRoute => "sent by another route",
            Cause::UnknownToUs => "unknown to us",
            Cause::UnknownToThem => "unknown to them",
            Cause::Excluded => "left out by the policy",
        }
    }
}
