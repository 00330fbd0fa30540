//! Schemas that are refused, each with the line and the construct.

use super::{Schema, Source};

const HEAD: &str = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\">\n";

/// A body, at line 2, and what the error must say.
#[rustfmt::skip]
const ROWS: &[(&str, &str)] = &[
    ("<xs:notation name='n' public='p'/>", "a.xsd:2: global xs:notation is not implemented"),
    ("<xs:attribute name='a' type='xs:string'/>", "a.xsd:2: global xs:attribute is not implemented"),
    ("<xs:redefine schemaLocation='b.xsd'/>", "a.xsd:2: global xs:redefine is not implemented"),
    ("<xs:include schemaLocation='b.xsd'/>", "a.xsd:2: b.xsd is not among the sources"),
    ("<xs:import namespace='urn:b'/>", "a.xsd:2: no source has the target namespace urn:b"),
    ("<xs:element name='d'/>", "a.xsd:2: an element without a type (xs:anyType) is not implemented"),
    ("<xs:element name='d' type='xs:float'/>", "a.xsd:2: the built-in type xs:float is not implemented"),
    ("<xs:element name='d' type='T'/>", "a.xsd:2: T is not declared"),
    ("<xs:element name='d' type='t:T'/>", "a.xsd:2: prefix t is not declared"),
    ("<xs:element name='d' type='xs:string' abstract='true'/>", "a.xsd:2: xs:element with abstract=\"true\" is not implemented"),
    ("<xs:element name='d' type='xs:string' default='x'/>", "a.xsd:2: xs:element with default=\"x\" is not implemented"),
    ("<xs:element name='d' type='xs:string' substitutionGroup='e'/>", "a.xsd:2: xs:element with substitutionGroup=\"e\" is not implemented"),
    ("<xs:element name='d' type='xs:date' fixed='x'/>", "a.xsd:2: the value \"x\" is not one of its type: The value is not of the required type"),
    ("<xs:element name='d' type='xs:date'/><xs:element name='d' type='xs:date'/>", "a.xsd:2: the name is taken"),
    ("<xs:complexType name='T' mixed='true'/>", "a.xsd:2: xs:complexType with mixed=\"true\" is not implemented"),
    ("<xs:complexType name='T'>\n<xs:complexContent>\n<xs:restriction base='T'/></xs:complexContent></xs:complexType>", "a.xsd:4: xs:restriction of xs:complexContent is not implemented"),
    ("<xs:complexType name='T'><xs:complexContent>\n<xs:extension base='T'/></xs:complexContent></xs:complexType>", "a.xsd:3: defined by itself, in a circle"),
    ("<xs:complexType name='T'>\n<xs:attribute ref='xml:lang'/></xs:complexType>", "a.xsd:3: xs:attribute with ref=\"xml:lang\" is not implemented"),
    ("<xs:complexType name='T'>\n<xs:attribute name='a' type='xs:string' use='prohibited'/></xs:complexType>", "a.xsd:3: use=\"prohibited\" is not implemented"),
    ("<xs:complexType name='T'><xs:sequence>\n<xs:any/></xs:sequence></xs:complexType>", "a.xsd:3: processContents=\"strict\" is not implemented"),
    ("<xs:complexType name='T'><xs:sequence>\n<xs:any namespace='##local' processContents='lax'/></xs:sequence></xs:complexType>", "a.xsd:3: a wildcard of namespace=\"##local\" is not implemented"),
    ("<xs:complexType name='T'><xs:sequence><xs:element name='a' type='xs:date' minOccurs='0'/><xs:element name='a' type='xs:date'/></xs:sequence></xs:complexType>", "a.xsd:2: a child could belong to two particles (unique particle attribution) is not implemented"),
    ("<xs:complexType name='T'><xs:sequence><xs:element name='a' type='xs:date' maxOccurs='5'/><xs:element name='a' type='xs:date'/></xs:sequence></xs:complexType>", "a.xsd:2: a child could belong to two particles (unique particle attribution) is not implemented"),
    ("<xs:complexType name='T'><xs:sequence><xs:element name='a' type='xs:date'/><xs:element name='a' type='xs:time'/></xs:sequence></xs:complexType>", "a.xsd:2: element a has two types in one content model"),
    ("<xs:complexType name='T'><xs:sequence maxOccurs='5000'><xs:element name='a' type='xs:date'/></xs:sequence></xs:complexType>", "a.xsd:2: a content model of more than 4096 particles is not implemented"),
    ("<xs:complexType name='T'><xs:sequence maxOccurs='2'><xs:element name='a' type='xs:date' minOccurs='0'/></xs:sequence></xs:complexType>", "a.xsd:2: a counted repetition of a group that may be empty is not implemented"),
    ("<xs:complexType name='T'><xs:all>\n<xs:element name='a' type='xs:date' maxOccurs='2'/></xs:all></xs:complexType>", "a.xsd:3: in xs:all, anything but an element that occurs once at most is not implemented"),
    ("<xs:group name='G'><xs:sequence>\n<xs:group ref='G'/></xs:sequence></xs:group>", "a.xsd:3: defined by itself, in a circle"),
    ("<xs:simpleType name='S'>\n<xs:restriction base='S'/></xs:simpleType>", "a.xsd:2: defined by itself, in a circle"),
    ("<xs:simpleType name='S'><xs:restriction base='xs:string'>\n<xs:pattern value='(a'/></xs:restriction></xs:simpleType>", "a.xsd:2: pattern (a: unclosed ( is not implemented"),
    ("<xs:simpleType name='S'><xs:restriction base='xs:string'>\n<xs:totalDigits value='2'/></xs:restriction></xs:simpleType>", "a.xsd:3: the facet totalDigits does not apply to its type"),
    ("<xs:simpleType name='S'><xs:restriction base='xs:string'>\n<xs:assertion test='x' value=''/></xs:restriction></xs:simpleType>", "a.xsd:3: xs:assertion with test=\"x\" is not implemented"),
    ("<xs:simpleType name='S'><xs:restriction base='xs:byte'>\n<xs:maxInclusive value='200'/></xs:restriction></xs:simpleType>", "a.xsd:3: the bound 200 is looser than that of the base"),
    ("<xs:element name='d' type='xs:date'><xs:key name='k'>\n<xs:selector xpath='a[1]'/><xs:field xpath='b'/></xs:key></xs:element>", "a.xsd:3: the XPath a[1] is not implemented"),
    ("<xs:element name='d' type='xs:date'>\n<xs:keyref name='k' refer='other'><xs:selector xpath='a'/><xs:field xpath='b'/></xs:keyref></xs:element>", "a.xsd:3: a keyref to a key of another element is not implemented"),
    ("<html/>", "a.xsd:2: element html outside the XSD namespace is not implemented"),
    ("text", "a.xsd:1: text outside an annotation"),
    ("<xs:element", "a.xsd:3: The document is not well-formed XML"),
];

#[test]
fn what_is_not_implemented_is_refused_by_name() {
    let mut wrong = Vec::new();
    for (body, wanted) in ROWS {
        let xsd = format!("{HEAD}{body}\n</xs:schema>");
        let error = Schema::compile(&[Source {
            name: "a.xsd",
            xsd: &xsd,
        }])
        .unwrap_err()
        .to_string();
        if error != *wanted {
            wrong.push(format!("    ({body:?}, {error:?}),"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn sources_include_and_import_one_another() {
    let types = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" targetNamespace=\"urn:t\" elementFormDefault=\"qualified\">\
        <xs:simpleType name=\"Day\"><xs:restriction base=\"xs:date\"/></xs:simpleType></xs:schema>";
    let part = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" xmlns:t=\"urn:t\">\
        <xs:import namespace=\"urn:t\" schemaLocation=\"types.xsd\"/><xs:element name=\"day\" type=\"t:Day\"/></xs:schema>";
    let whole = "<xs:schema xmlns:xs=\"http://www.w3.org/2001/XMLSchema\"><xs:include schemaLocation=\"part.xsd\"/>\
        <xs:element name=\"days\"><xs:complexType><xs:sequence><xs:element ref=\"day\" maxOccurs=\"10000\"/></xs:sequence>\
        </xs:complexType></xs:element></xs:schema>";
    let sources = [
        ("whole.xsd", whole),
        ("part.xsd", part),
        ("types.xsd", types),
    ];
    let schema = Schema::compile(&sources.map(|(name, xsd)| Source { name, xsd })).unwrap();
    let days = |count: usize| format!("<days>{}</days>", "<day>2026-01-01</day>".repeat(count));
    assert_eq!(super::findings(&schema, days(10_000).as_bytes()), [""; 0]);
    let found = super::findings(&schema, days(10_001).as_bytes());
    assert_eq!(found, ["XSD_ELEMENT_UNEXPECTED 1:210007 /days/day[10001]"]);
    assert_eq!(
        super::findings(&schema, b"<days/>"),
        ["XSD_ELEMENT_MISSING 1:1 /days"]
    );
    assert_eq!(
        super::findings(&schema, b"<day>2026-02-30</day>"),
        ["XSD_VALUE_TYPE 1:1 /day"]
    );
}
