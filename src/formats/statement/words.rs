//! The words of a statement in French, for the page that people read. A word that is not listed stands as it is.

/// A word of a statement, as people say it.
pub(super) fn french(word: &str) -> &str {
    let found = WORDS.iter().find(|(known, _)| *known == word);
    found.map_or(word, |(_, french)| french)
}

/// A mode by CNAM's letter, or paper.
pub(super) fn mode(letter: &str) -> &str {
    let found = MODES.iter().find(|(known, _)| *known == letter);
    found.map_or(letter, |(_, french)| french)
}

/// What may be said of the rate, in a sentence.
pub(super) fn verdict(word: &str) -> &str {
    let found = VERDICTS.iter().find(|(known, _)| *known == word);
    found.map_or(word, |(_, french)| french)
}

/// A cause for which documents are missing in the numerator, and what a centre can do about it.
pub(super) fn loss(word: &str) -> (&str, &str) {
    let found = LOSSES.iter().find(|(known, ..)| *known == word);
    found.map_or((word, ""), |(_, cause, remedy)| (cause, remedy))
}

/// The period over which a threshold is measured.
pub(super) fn measure(form: &str) -> &str {
    match form {
        "month" => "un mois civil",
        "quarter" => "un trimestre civil",
        "year" => "une année civile",
        "rolling" => "douze mois glissants",
        other => other,
    }
}

/// A day as people write it.
pub(super) fn day(text: &str) -> String {
    let mut parts = text.splitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(year), Some(month), Some(day)) => format!("{day}/{month}/{year}"),
        (_, _, _) => text.to_owned(),
    }
}

/// A decimal with a comma.
pub(super) fn decimal(text: &str) -> String {
    text.replace('.', ",").replace('-', "\u{2212}")
}

/// A count with a thin blank between thousands.
pub(super) fn count(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut out = String::from(if number < 0 { "\u{2212}" } else { "" });
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('\u{202f}');
        }
        out.push(digit);
    }
    out
}

const WORDS: [(&str, &str); 55] = [
    ("no data", "pas d'activité"),
    ("paper unknown", "papier inconnu"),
    ("aggregate", "somme"),
    ("reference", "repère"),
    ("no threshold", "sans seuil"),
    ("reached", "atteint"),
    ("not reached", "non atteint"),
    ("PJ", "pièce justificative (PJ)"),
    ("medical", "médical"),
    ("dentaire", "dentaire"),
    ("polyvalent", "polyvalent"),
    ("infirmier", "infirmier"),
    ("confirmed", "confirmé"),
    ("unconfirmed", "non confirmé"),
    ("at_least", "au moins"),
    ("more_than", "plus de"),
    ("paper", "papier"),
    ("open", "à transmettre"),
    ("in lot", "en cours de transmission"),
    ("acknowledged", "accusé positif"),
    ("refused", "refusé"),
    ("paid", "payé"),
    ("part paid", "payé en partie"),
    ("rejected", "rejeté au paiement"),
    ("unsettled", "sans règlement"),
    ("on paper", "envoyé sur papier"),
    ("by hand", "transmis à la main"),
    ("replaced", "remplacé"),
    ("lapsed", "refusé, jamais remplacé"),
    ("granted", "accordé"),
    ("declined", "décliné"),
    ("in time", "dans le délai"),
    ("late", "hors délai"),
    ("unproven", "non prouvé"),
    ("cancelled", "annulés"),
    ("excluded", "exclus"),
    ("by_hand", "transmis à la main"),
    ("both_ways", "papier et électronique"),
    ("withdrawn", "retirés"),
    ("on an operator's word", "sur la parole d'un opérateur"),
    ("receipt and paper duplicate", "accusé et duplicata papier"),
    ("state-medical-aid", "aide médicale de l'État"),
    (
        "infant-under-three-months",
        "nourrisson de moins de trois mois",
    ),
    ("patient-absent", "sans présence du patient"),
    ("admission", "admission"),
    ("replacement", "remplacement"),
    ("sealing", "mise en lot"),
    ("delivery", "transmission"),
    ("receipt", "accusé de réception"),
    ("settlement", "retour de paiement"),
    ("declaration", "déclaration de papier"),
    ("cancellation", "annulation"),
    ("lapse", "délai de remplacement passé"),
    ("FSE", "feuille de soins électronique (FSE)"),
    ("DRE", "demande de remboursement électronique (DRE)"),
];

const MODES: [(&str, &str); 8] = [
    ("S", "S : sécurisé, carte Vitale"),
    ("F", "F : sécurisé, sans Vitale"),
    ("C", "C : sécurisé, non chiffré"),
    ("D", "D : dégradé"),
    ("L", "L : facture en ligne"),
    ("P", "P : SEFi+"),
    ("N", "N : non sécurisé"),
    ("paper", "papier"),
];

const VERDICTS: [(&str, &str); 8] = [
    ("no data", "Aucune activité : il n'y a pas de taux."),
    (
        "paper unknown",
        "Le papier n'est pas déclaré pour tous les jours d'activité : rien ne peut être dit du seuil.",
    ),
    (
        "aggregate",
        "Somme de plusieurs centres : l'obligation est celle de chacun.",
    ),
    (
        "reference",
        "Règle de comparaison : elle ne donne pas de verdict.",
    ),
    (
        "unconfirmed",
        "Le seuil n'a pas été lu dans l'accord lui-même : il n'est pas confirmé et ne donne pas de verdict.",
    ),
    (
        "no threshold",
        "L'accord ne fixe pas de seuil pour cette catégorie.",
    ),
    ("reached", "Le seuil de l'accord est atteint."),
    ("not reached", "Le seuil de l'accord n'est pas atteint."),
];

/// Cause, how people call it, what to do.
const LOSSES: [(&str, &str, &str); 13] = [
    (
        "paper",
        "Feuilles de papier",
        "Facturer par feuille électronique les soins qui le sont encore sur papier.",
    ),
    (
        "paper duplicate",
        "Duplicata sur papier après un échec",
        "Chercher pourquoi la transmission a échoué : poste, lecteur, cartes, réseau, logiciel.",
    ),
    (
        "unanswered",
        "Sans accusé de réception",
        "Attendre l'accusé ; s'il ne vient pas, le signaler à la caisse : sans accusé, rien n'est prouvé.",
    ),
    (
        "refused",
        "Refusés et non remplacés",
        "Corriger d'après le code de refus, puis envoyer un document de remplacement.",
    ),
    (
        "rejected",
        "Rejetés au paiement",
        "Traiter le motif du rejet, puis envoyer un document de remplacement.",
    ),
    (
        "by hand",
        "Transmis à la main",
        "Transmettre par la passerelle : seul l'accusé de l'assureur fait compter un document.",
    ),
    (
        "mode D",
        "Mode D : dégradé, sans carte Vitale",
        "Lire la carte Vitale à chaque facturation ; vérifier le lecteur et la mise à jour des cartes.",
    ),
    ("mode L", "Mode L : facture en ligne", OTHER_MODE),
    ("mode P", "Mode P : SEFi+", OTHER_MODE),
    ("mode N", "Mode N : non sécurisé", OTHER_MODE),
    ("mode S", "Mode S : sécurisé, carte Vitale", OTHER_MODE),
    ("mode F", "Mode F : sécurisé, sans Vitale", OTHER_MODE),
    ("mode C", "Mode C : sécurisé, non chiffré", OTHER_MODE),
];

/// What to do about a mode that the policy does not count.
const OTHER_MODE: &str = "La règle ne compte pas ce mode : facturer dans un mode qu'elle compte.";
