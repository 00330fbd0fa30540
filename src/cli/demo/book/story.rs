//! The stories that a centre's book is made of.

/// A story of one document or two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Story {
    /// An FSE that is paid.
    Paid,
    /// The patient paid: three jours ouvrés.
    PatientPaid,
    /// State medical aid: left out by one policy and not by the other.
    MedicalAid,
    /// Dated after its deadline, and taken.
    Late,
    /// The AMO settles both parts.
    BothPaid,
    /// The AMC's part is rejected.
    PartPaid,
    /// Rejected in all its parts.
    Rejected,
    /// Deferred first, paid later.
    Deferred,
    /// Never settled.
    Acknowledged,
    /// The receipt is negative.
    RefusedByReceipt,
    /// The lot is refused for it.
    RefusedAtTheDoor,
    /// Refused, and replaced under a new number.
    Replaced,
    /// Rejected, replaced under the same number, and rejected again.
    Rebilled,
    /// Cancelled, and replaced for another caisse.
    Corrected,
    /// With a DRE of the same facture number.
    WithDre,
    /// A DRE that is rejected.
    DreRejected,
    /// A prise en charge that is granted.
    Granted,
    /// A prise en charge that is declined.
    Declined,
    /// With a piece that waits for its receipt.
    WithPiece,
    /// The same bytes again.
    Again,
    /// Its number again with other content.
    OtherContent,
    /// Not valid.
    Flawed,
    /// For a caisse that cannot be reached, too late.
    PaperOwed,
    /// The same, and on paper with its piece.
    OnPaper,
    /// Cancelled before it could leave.
    Cancelled,
    /// A vendor's test.
    Test,
    /// Posted by another centre.
    Neighbour,
}

/// Every story and its weight, once each was told.
pub(super) const STORIES: [(Story, usize); 27] = [
    (Story::Paid, 40),
    (Story::PatientPaid, 6),
    (Story::MedicalAid, 4),
    (Story::Late, 4),
    (Story::BothPaid, 12),
    (Story::PartPaid, 2),
    (Story::Rejected, 2),
    (Story::Deferred, 3),
    (Story::Acknowledged, 3),
    (Story::RefusedByReceipt, 2),
    (Story::RefusedAtTheDoor, 1),
    (Story::Replaced, 3),
    (Story::Rebilled, 2),
    (Story::Corrected, 1),
    (Story::WithDre, 8),
    (Story::DreRejected, 1),
    (Story::Granted, 3),
    (Story::Declined, 1),
    (Story::WithPiece, 5),
    (Story::Again, 4),
    (Story::OtherContent, 2),
    (Story::Flawed, 6),
    (Story::PaperOwed, 2),
    (Story::OnPaper, 1),
    (Story::Cancelled, 1),
    (Story::Test, 2),
    (Story::Neighbour, 1),
];

impl Story {
    /// How many documents it has.
    pub(super) fn length(self) -> usize {
        match self {
            Story::Replaced
            | Story::Rebilled
            | Story::Corrected
            | Story::WithDre
            | Story::WithPiece
            | Story::Again
            | Story::OtherContent
            | Story::OnPaper => 2,
            Story::Paid
            | Story::PatientPaid
            | Story::MedicalAid
            | Story::Late
            | Story::BothPaid
            | Story::PartPaid
            | Story::Rejected
            | Story::Deferred
            | Story::Acknowledged
            | Story::RefusedByReceipt
            | Story::RefusedAtTheDoor
            | Story::DreRejected
            | Story::Granted
            | Story::Declined
            | Story::Flawed
            | Story::PaperOwed
            | Story::Cancelled
            | Story::Test
            | Story::Neighbour => 1,
        }
    }
}
