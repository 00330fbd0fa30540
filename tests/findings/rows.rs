//! The table of faulty documents: each is a valid one with one edit, made to bring one code.

/// One faulty document, `invalid/CODE.slug.xml`.
pub struct Row {
    /// The code that it must bring.
    pub code: &'static str,
    /// What is wrong, in a few words for the file's name.
    pub slug: &'static str,
    /// The valid neighbour in `valid/`.
    pub base: &'static str,
    /// The text to find there, whose first occurrence is replaced; `a…b` is all from `a` to the next `b`.
    pub from: &'static str,
    /// What stands there instead.
    pub to: &'static str,
}

const fn row(
    code: &'static str,
    slug: &'static str,
    base: &'static str,
    from: &'static str,
    to: &'static str,
) -> Row {
    Row {
        code,
        slug,
        base,
        from,
        to,
    }
}

/// Codes that no file here brings, with the reason.
pub const WITHOUT_FILE: &[(&str, &str)] = &[
    (
        "SUPPORTED_UNKNOWN",
        "what the ledger knows; tested in the intake room",
    ),
    ("XML_SIZE", "a file of megabytes; tested in the schema room"),
    (
        "XML_ELEMENTS",
        "a file of thousands of elements; tested in the schema room",
    ),
    ("XML_TEXT", "a file of megabytes; tested in the schema room"),
    (
        "XSD_VALUE_DIGITS",
        "the schema of documents limits digits by patterns",
    ),
    (
        "XSD_VALUE_RANGE",
        "the schema of documents limits ranges by patterns",
    ),
    ("XSD_ID_TWICE", "the schema of documents has no xs:ID"),
    ("XSD_ID_UNKNOWN", "the schema of documents has no xs:IDREF"),
    ("XSD_KEY_MISSING", "the schema of documents has no key"),
    ("XSD_KEY_TWICE", "the schema of documents has no key"),
    ("XSD_KEY_UNKNOWN", "the schema of documents has no keyref"),
    (
        "XSD_FINDINGS",
        "a file of a hundred faults; tested in the schema room",
    ),
];

/// Every faulty document, in the order of the catalogues of codes.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    // Well-formedness and safety.
    row("XML_ENCODING", "not-admitted", "consultation", "\"UTF-8\"", "\"KOI8-R\""),
    row("XML_CHARACTER", "control", "consultation", "EXEMPLE", "EX\u{1}EMPLE"),
    row("XML_SYNTAX", "end-tag", "consultation", "</acts>", "</Acts>"),
    row("XML_SYNTAX", "not-closed", "consultation", "</document>", ""),
    row("XML_ROOT", "two-roots", "consultation", "</document>", "</document><document/>"),
    row("XML_DOCTYPE", "declared", "consultation", "<document ", "<!DOCTYPE document><document "),
    row("XML_ENTITY", "undefined", "consultation", "EXEMPLE", "&exemple;"),
    row("XML_NAMESPACE", "prefix", "consultation", "<coverage ", "<c:coverage "),
    row("XML_ATTRIBUTE_TWICE", "nature", "consultation", "nature=\"AS\"", "nature=\"AS\" nature=\"AS\""),
    row("XML_DEPTH", "nested", "consultation", "<totals>", "<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><totals>"),
    row("XML_ATTRIBUTES", "too-many", "consultation", "<coverage ", "<coverage a=\"\" b=\"\" c=\"\" d=\"\" e=\"\" f=\"\" g=\"\" h=\"\" i=\"\" j=\"\" k=\"\" l=\"\" m=\"\" n=\"\" o=\"\" p=\"\" q=\"\" "),

    // Structure.
    row("XSD_ROOT", "other-version", "consultation", "document:1", "document:0"),
    row("XSD_ELEMENT_UNEXPECTED", "unknown", "consultation", "<totals>", "<discount/><totals>"),
    row("XSD_ELEMENT_MISSING", "rate", "consultation", "<rate>70</rate>", ""),
    row("XSD_ATTRIBUTE_UNEXPECTED", "unknown", "consultation", "<coverage ", "<coverage colour=\"blue\" "),
    row("XSD_ATTRIBUTE_MISSING", "basis", "consultation", "basis=\"completed\" ", ""),
    row("XSD_TEXT_UNEXPECTED", "between-acts", "consultation", "<acts>", "<acts>one act"),
    row("XSD_TYPE", "chosen", "consultation", "<coverage ", "<coverage xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" x:type=\"Coverage\" "),
    row("XSD_NIL", "given", "consultation", "<rate>", "<rate xmlns:x=\"http://www.w3.org/2001/XMLSchema-instance\" x:nil=\"true\">"),
    row("XSD_FIXED", "version", "consultation", "document:1\" version=\"1\"", "document:1\" version=\"2\""),
    row("XSD_VALUE_TYPE", "no-such-day", "consultation", "1985-05-12", "1985-02-30"),
    row("XSD_VALUE_PATTERN", "decimals", "consultation", "<fees>30.00", "<fees>30"),
    row("XSD_VALUE_ENUMERATION", "mode", "consultation", "mode=\"S\"", "mode=\"Z\""),
    row("XSD_VALUE_LENGTH", "empty-name", "consultation", "EXEMPLE", ""),

    // What each kind of document carries.
    row("BENEFICIARY_MISSING", "dre", "consultation-amc", "<beneficiary>…</beneficiary>", ""),
    row("COVERAGE_MISSING", "fse", "consultation", "<coverage …/>", ""),
    row("PRACTITIONER_MISSING", "pec", "prosthesis-request", "<practitioner …</practitioner>", ""),
    row("ACTS_MISSING", "fse", "consultation", "<acts>…</acts>", ""),
    row("TOTALS_MISSING", "fse", "consultation", "<totals>…</totals>", ""),
    row("SUPPORTS_MISSING", "pj", "prescription-scan", "<supports …/>", ""),
    row("ATTACHMENT_MISSING", "pj", "prescription-scan", "<attachment …</attachment>", ""),
    row("SUPPORTS_UNEXPECTED", "fse", "consultation", "</totals>", "</totals>\n  <supports number=\"000000100\"/>"),
    row("ATTACHMENT_UNEXPECTED", "fse", "long-term-illness", "<payload …</payload>", "<attachment mediaType=\"application/pdf\" digest=\"f5ee8c091a7211a5fa2a3738d6edc9f55298a7621b4cb0cb30ccc463f0379c8a\">JVBERi0xLjQKJSBvcmRvbm5hbmNlIGRlIGRlbW9uc3RyYXRpb24KJSVFT0YK</attachment>"),
    row("CARE_UNEXPECTED", "pj", "prescription-scan", "<supports ", "<coverage nature=\"AS\" exemption=\"0\"/>\n  <supports "),

    // Sender, destination, number, replacement.
    row("FINESS_KEY", "digit", "consultation", "750712184", "750712185"),
    row("FINESS_KEY", "corsica", "consultation", "750712184", "2A0712184"),
    row("CENTRE_UNKNOWN", "other-centre", "consultation", "750712184", "690045174"),
    row("CENTRE_CLOSED", "in-2025", "consultation", "750712184", "750031288"),
    row("NUMBER_FORM", "zeros", "consultation", "000000101", "000000000"),
    row("NUMBER_FORM", "letter", "consultation-amc", "000000103", "00000010A"),
    row("NUMBER_FORM", "nir", "prescription-scan", "number=\"PJ-104\"", "number=\"2850675116001\""),
    row("NUMBER_FORM", "supported", "prescription-scan", "<supports number=\"000000104\"", "<supports number=\"104\""),
    row("AMC_FORM", "destination", "consultation-amc", "77567227", "7756722"),
    row("AMC_FORM", "named", "consultation-both-parts", "77567227", "77567"),
    row("DESTINATION_KIND", "dre-to-amo", "consultation-amc", "<amc number=\"77567227\"/>", "<amo regime=\"01\" caisse=\"751\" centre=\"0000\"/>"),
    row("DESTINATION_KIND", "fse-to-amc", "consultation", "<amo regime=\"01\" caisse=\"751\" centre=\"0000\"/>", "<amc number=\"77567227\"/>"),
    row("DESTINATION_UNKNOWN", "caisse", "consultation", "caisse=\"751\"", "caisse=\"999\""),
    row("MODE_KIND", "dre-online", "consultation-amc", "mode=\"S\"", "mode=\"L\""),
    row("SETTLED_FOR_KIND", "dre", "consultation-amc", "</destination>", "</destination>\n  <settledFor amc=\"77567227\"/>"),
    row("REPLACES_KIND", "dre-by-fse", "long-term-illness", "<replaces kind=\"FSE\"", "<replaces kind=\"DRE\""),
    row("REPLACES_REASON", "pj", "prescription-scan", "reason=\"refused\"", "reason=\"rejected\""),

    // Persons and practitioners.
    row("NIR_FORM", "first-digit", "consultation", ">1850578006084", ">9850578006084"),
    row("NIR_FORM", "letter-elsewhere", "consultation", ">1850578006084", ">185057A006084"),
    row("NIR_KEY", "digit", "consultation", "key=\"91\"", "key=\"19\""),
    row("NIR_KEY", "corsica", "consultation", ">1850578006084", ">185052A006084"),
    row("NIR_MISSING", "insured", "nursing-series", "<nir …</nir>", ""),
    row("NIR_BIRTH", "month", "consultation", "1985-05-12", "1985-06-12"),
    row("BIRTH_MISSING", "patient", "consultation", "<birthDate>…</birthDate>", ""),
    row("BIRTH_FUTURE", "patient", "consultation", "1985-05-12", "2085-05-12"),
    row("BIRTH_OLD", "patient", "consultation", "1985-05-12", "1885-05-12"),
    row("INSURED_REPEATED", "same-person", "consultation", "</beneficiary>", "</beneficiary>\n  <insured>\n    <nir key=\"91\">1850578006084</nir>\n    <birthDate>1985-05-12</birthDate>\n    <birthRank>1</birthRank>\n  </insured>"),
    row("RPPS_KEY", "digit", "consultation", "10002519899", "10002519890"),
    row("AM_KEY", "digit", "nursing-series", "751600420", "751600421"),
    row("AM_KEY", "letter", "nursing-series", "751600420", "75G600420"),
    row("SPECIALTY", "zero", "consultation", "specialty=\"01\"", "specialty=\"00\""),
    row("PRESCRIBED_FUTURE", "tomorrow", "nursing-series", "prescribed=\"2026-11-10\"", "prescribed=\"2026-11-21\""),
    row("PRESCRIBED_AFTER_ACT", "next-day", "nursing-series", "prescribed=\"2026-11-10\"", "prescribed=\"2026-11-17\""),
    row("PRESCRIBER_MISSING", "nurse", "nursing-series", "<prescriber …</prescriber>", ""),

    // Dates.
    row("CLOCK_FUTURE", "tomorrow", "consultation", "basis=\"completed\" date=\"2026-11-16\"", "basis=\"completed\" date=\"2026-11-21\""),
    row("CLOCK_BEFORE_CARE", "completed", "consultation", "basis=\"completed\" date=\"2026-11-16\"", "basis=\"completed\" date=\"2026-11-15\""),
    row("CLOCK_BEFORE_CARE", "paid", "electrocardiogram", "basis=\"paid\" date=\"2026-11-18\"", "basis=\"paid\" date=\"2026-11-17\""),
    row("CLOCK_NOT_LAST_ACT", "first-act", "nursing-series", "basis=\"last-act\" date=\"2026-11-18\"", "basis=\"last-act\" date=\"2026-11-16\""),
    row("CLOCK_PAID_THIRD_PARTY", "both-parts", "consultation-both-parts", "basis=\"last-act\"", "basis=\"paid\""),
    row("DEADLINE_PASSED", "patient-paid", "consultation", "amo=\"true\"", "amo=\"false\""),
    row("ACT_FUTURE", "tomorrow", "consultation", "<act date=\"2026-11-16\"", "<act date=\"2026-11-21\""),
    row("ACT_BEFORE_BIRTH", "day-before", "nursing-series", "<birthDate>2021-03-08", "<birthDate>2026-11-17"),
    row("ACT_OLD", "two-years", "electrocardiogram", "<act date=\"2026-11-18\"", "<act date=\"2024-11-19\""),
    row("ACT_REPEATED", "free-act", "electrocardiogram", "</acts>", "  <act date=\"2026-11-18\"><ngap>CS</ngap><quantity>1</quantity><coefficient>1</coefficient><unitPrice>0.00</unitPrice><fees>0.00</fees><base>0.00</base><rate>70</rate><amo>0.00</amo><amc>0.00</amc></act>\n  </acts>"),
    row("ACCIDENT_MISSING", "at-work", "accident-at-work", " accidentDate=\"2026-11-02\"", ""),
    row("ACCIDENT_UNEXPECTED", "maternity", "accident-at-work", "nature=\"AT\"", "nature=\"MA\""),
    row("ACCIDENT_AFTER_ACT", "next-day", "accident-at-work", "2026-11-02", "2026-11-17"),
    row("ACCIDENT_BEFORE_BIRTH", "day-before", "accident-at-work", "2026-11-02", "1985-05-11"),

    // Codes of acts.
    row("NGAP_FORM", "digit-first", "consultation", "<ngap>G<", "<ngap>1G<"),
    row("NGAP_FORM", "too-long", "consultation", "<ngap>G<", "<ngap>CONSUL<"),
    row("CCAM_FORM", "letter-last", "electrocardiogram", "DEQP003", "DEQP00B"),
    row("CCAM_ACTIVITY", "zero", "electrocardiogram", "activity=\"1\"", "activity=\"0\""),
    row("CCAM_MODIFIERS", "twice", "electrocardiogram", "modifiers=\"FP\"", "modifiers=\"FPF\""),
    row("CCAM_COEFFICIENT", "of-a-letter-key", "electrocardiogram", "<coefficient>1.00", "<coefficient>1.50"),
    row("QUALIFIER_FREE", "with-fees", "electrocardiogram", "<qualifier>E", "<qualifier>G"),
    row("QUALIFIER_NOT_REIMBURSED", "with-amo", "electrocardiogram", "<qualifier>E", "<qualifier>N"),

    // Amounts.
    row("AMOUNT_NEGATIVE", "base", "consultation", "<base>30.00", "<base>-30.00"),
    row("LINE_PARTS", "one-cent", "consultation-both-parts", "<amc>9.00…<amc>9.00", "<amc>9.01</amc>\n    </act>\n  </acts>\n  <totals>\n    <fees>30.00</fees>\n    <amo>21.00</amo>\n    <amc>9.01"),
    row("LINE_BASE_RATE", "rate", "consultation", "<rate>70", "<rate>60"),
    row("LINE_UNIT", "quantity", "consultation", "<quantity>1", "<quantity>2"),
    row("LINE_UNIT", "price", "consultation", "<unitPrice>30.00", "<unitPrice>26.50"),
    row("LINE_BASE_FEES", "fees-of-line", "consultation", "<fees>30.00…<fees>30.00", "<fees>25.00</fees>\n      <base>30.00</base>\n      <rate>70</rate>\n      <amo>21.00</amo>\n      <amc>0.00</amc>\n    </act>\n  </acts>\n  <totals>\n    <fees>25.00"),
    row("TOTAL_FEES", "one-cent", "consultation", "<totals>\n    <fees>30.00", "<totals>\n    <fees>30.01"),
    row("TOTAL_AMO", "forgotten-line", "nursing-series", "<amo>13.23", "<amo>7.56"),
    row("TOTAL_AMC", "zero", "consultation-amc", "<amc>9.00</amc>\n  </totals>", "<amc>9.10</amc>\n  </totals>"),
    row("AMC_UNNAMED", "both-parts", "consultation-both-parts", "<settledFor …/>", ""),
    row("SETTLED_FOR_NOTHING", "no-part", "consultation", "</destination>", "</destination>\n  <settledFor amc=\"77567227\"/>"),
    row("DRE_WITHOUT_AMC", "zero", "consultation-amc", "<amc>9.00…<amc>9.00", "<amc>0.00</amc>\n    </act>\n  </acts>\n  <totals>\n    <fees>30.00</fees>\n    <amo>21.00</amo>\n    <amc>0.00"),
    row("ASKS_NOTHING", "rate-zero", "consultation", "<rate>70…<amo>21.00</amo>\n    <amc>", "<rate>0</rate>\n      <amo>0.00</amo>\n      <amc>0.00</amc>\n    </act>\n  </acts>\n  <totals>\n    <fees>30.00</fees>\n    <amo>0.00</amo>\n    <amc>"),
    row("EXEMPTION_RATE", "no-full-line", "consultation", "exemption=\"0\"", "exemption=\"4\""),
    row("ACCIDENT_RATE", "co-payment", "consultation", "nature=\"AS\"", "nature=\"AT\" accidentDate=\"2026-11-02\""),
    row("STATE_AID_THIRD_PARTY", "patient-paid", "electrocardiogram", "exemption=\"0\"", "exemption=\"0\" stateMedicalAid=\"true\""),

    // Bytes carried.
    row("ATTACHMENT_TYPE", "html", "prescription-scan", "application/pdf", "text/html"),
    row("ATTACHMENT_DIGEST", "other-bytes", "prescription-scan", "digest=\"f5", "digest=\"f6"),
    row("PAYLOAD_DIGEST", "other-bytes", "long-term-illness", ">AAFz", ">AAFy"),
    row("CARRIED_EMPTY", "payload", "long-term-illness", "<payload …</payload>", "<payload mediaType=\"application/octet-stream\" digest=\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"/>"),
];
