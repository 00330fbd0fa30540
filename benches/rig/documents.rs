//! Valid documents of any size: a nurse's sheet with as many acts as make it so large.

use std::fmt::Write as _;

use bordereau::claims::time::Day;

/// The centre of all documents.
pub const CENTRE: &str = "750990012";

// Bytes of the document without acts, and of one act, about.
const FRAME: usize = 1_180;
const ACT: usize = 300;

/// The document of a number whose last act was on a day, about so many bytes long.
pub fn document(number: u64, day: Day, bytes: usize) -> String {
    let acts = (bytes.saturating_sub(FRAME) / ACT).clamp(1, 99);
    let prescribed = day.plus_days(-30).date();
    let mut out = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<document xmlns="urn:bordereau:document:1" version="1" kind="FSE" number="{number:09}" mode="S">
  <centre finess="{CENTRE}"/>
  <clock basis="last-act" date="{last}"/>
  <thirdParty amo="true" amc="false"/>
  <destination>
    <amo regime="01" caisse="751" centre="0000"/>
  </destination>
  <beneficiary>
    <birthDate>2021-03-08</birthDate>
    <birthRank>1</birthRank>
    <familyName>EXEMPLE</familyName>
    <givenName>Sacha</givenName>
  </beneficiary>
  <insured>
    <nir key="91">1850578006084</nir>
    <birthDate>1985-05-12</birthDate>
    <birthRank>1</birthRank>
    <familyName>EXEMPLE</familyName>
    <givenName>Camille</givenName>
  </insured>
  <coverage nature="AS" exemption="0"/>
  <prescriber specialty="01" prescribed="{prescribed}">
    <rpps>10102030458</rpps>
  </prescriber>
  <practitioner specialty="24">
    <am>751600420</am>
  </practitioner>
  <acts>
"#,
        last = day.date(),
    );
    let (mut fees, mut amo) = (0, 0);
    for act in 0..acts {
        // Four acts a day, none of a day like another: a coefficient of 1 to 9, of 3.15 euros each.
        let ago = i32::try_from((acts - 1 - act) / 4).expect("99 acts at most");
        let coefficient = 1 + act as u64 % 9;
        fees += 315 * coefficient;
        amo += 189 * coefficient;
        let date = day.plus_days(-ago).date();
        let (price, share) = (euros(315 * coefficient), euros(189 * coefficient));
        write!(
            out,
            "    <act date=\"{date}\">
      <ngap>AMI</ngap>
      <quantity>1</quantity>
      <coefficient>{coefficient}.00</coefficient>
      <unitPrice>3.15</unitPrice>
      <fees>{price}</fees>
      <base>{price}</base>
      <rate>60</rate>
      <amo>{share}</amo>
      <amc>0.00</amc>
    </act>\n"
        )
        .expect("a text takes more");
    }
    let (fees, amo) = (euros(fees), euros(amo));
    out + &format!(
        "  </acts>
  <totals>
    <fees>{fees}</fees>
    <amo>{amo}</amo>
    <amc>0.00</amc>
  </totals>
</document>\n"
    )
}

fn euros(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
