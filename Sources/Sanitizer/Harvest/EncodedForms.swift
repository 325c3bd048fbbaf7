internal import Foundation

/// The ways in which a value is written elsewhere.
///
/// All are found by exact search, so each variant of an encoding that leaves other characters alone is a form of its own.
enum EncodedForms {
    /// How a form is written; tells how far a match reaches beyond the bytes that were searched for.
    enum Kind: UInt8, Sendable {
        case plain
        /// Base64 whose first group begins before the value: the character before the match holds bits of it.
        case base64, base64After
    }

    struct Form: Hashable {
        var bytes: [UInt8]
        var kind: Kind
    }

    static func of(_ value: [UInt8]) -> Set<Form> {
        var forms: Set<Form> = []
        func add(_ bytes: [UInt8]) { forms.insert(Form(bytes: bytes, kind: .plain)) }
        add(value)
        for escaped in escaped(value) { add(escaped) }
        for quoted in percentQuoted(value) { add(quoted) }
        for digits in hexForms(value) { add(digits) }
        for wide in [utf16(value, bigEndian: false), utf16(value, bigEndian: true)] {
            guard let wide else { continue }
            add(wide)
            addBase64(wide, to: &forms)
        }
        addBase64(value, to: &forms)
        for form in beyondASCII(value) { add(form) }
        // Base64 of base64, at each alignment of either. Long values are keys, which nobody encodes twice.
        if value.count <= 512 {
            var once: Set<Form> = []
            addBase64(value, to: &once)
            for form in once where form.bytes.allSatisfy(isBase64) { addBase64(form.bytes, to: &forms) }
        }
        return forms
    }

    // MARK: Backslashes, quotes, entities

    private static func escaped(_ value: [UInt8]) -> Set<[UInt8]> {
        var out: Set<[UInt8]> = []
        let text = String(validating: value, as: UTF8.self)
        let isPlain = value.allSatisfy {
            isWord($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
        }
        if isPlain { return out }
        if let text {
            for asciiOnly in [false, true] {
                for upper in asciiOnly ? [false, true] : [false] {
                    for slash in [false, true] {
                        for html in [0, 1, 2] {
                            let one = jsonEscaped(text, asciiOnly: asciiOnly, upper: upper, slash: slash, html: html)
                            let two = jsonEscaped(one, asciiOnly: false, upper: false, slash: slash, html: 0)
                            let three = jsonEscaped(two, asciiOnly: false, upper: false, slash: slash, html: 0)
                            for form in [one, two, three] { out.insert(Array(form.utf8)) }
                        }
                    }
                }
            }
        }
        // Shell: a backslash before everything unusual; a single quote inside single quotes; SQL and YAML double it.
        var shell: [UInt8] = []
        for byte in value {
            if !(isWord(byte) || "_-./,:@%+=".utf8.contains(byte) || byte >= 0x80) { shell.append(UInt8(ascii: "\\")) }
            shell.append(byte)
        }
        out.insert(shell)
        for (from, to) in [("'", "'\\''"), ("'", "''"), ("'", "\\'"), ("\"", "\"\""), ("$", "$$"), ("$", "\\$")] {
            out.insert(replacing(value, from, to))
        }
        for apostrophe in ["&#39;", "&#x27;", "&apos;", "'"] {
            for quote in ["&quot;", "&#34;", "\""] {
                var html = replacing(value, "&", "&amp;")
                html = replacing(replacing(html, "<", "&lt;"), ">", "&gt;")
                out.insert(replacing(replacing(html, "\"", quote), "'", apostrophe))
            }
        }
        return out
    }

    /// `html`: 0 leaves `<>&'` alone, 1 escapes `<>&` (Go), 2 escapes the apostrophe too.
    private static func jsonEscaped(_ text: String, asciiOnly: Bool, upper: Bool, slash: Bool, html: Int) -> String {
        var out = ""
        func unicode(_ unit: UInt16) {
            let digits = String(unit, radix: 16, uppercase: upper)
            out += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "/" where slash: out += "\\/"
            case "<" where html > 0, ">" where html > 0, "&" where html > 0: unicode(UInt16(scalar.value))
            case "'" where html > 1: unicode(0x27)
            default:
                if scalar.value < 0x20 || (asciiOnly && scalar.value > 0x7E) {
                    for unit in String(scalar).utf16 { unicode(unit) }
                } else {
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out
    }

    private static func replacing(_ value: [UInt8], _ from: String, _ to: String) -> [UInt8] {
        guard let byte = from.utf8.first, value.contains(byte) else { return value }
        return value.flatMap { $0 == byte ? Array(to.utf8) : [$0] }
    }

    // MARK: Letters beyond ASCII

    /// Other spellings of a value with letters beyond ASCII: composed or decomposed (Unicode, UAX #15), in Latin-1, their bytes as escapes of
    /// Python, C and shells, quoted-printable.
    private static func beyondASCII(_ value: [UInt8]) -> Set<[UInt8]> {
        guard value.contains(where: { $0 >= 0x80 }), let text = String(validating: value, as: UTF8.self) else {
            return []
        }
        var out: Set<[UInt8]> = []
        var spellings = [value]
        for other in [text.precomposedStringWithCanonicalMapping, text.decomposedStringWithCanonicalMapping] {
            out.insert(Array(jsonEscaped(other, asciiOnly: true, upper: false, slash: false, html: 0).utf8))
            spellings.append(Array(other.utf8))
        }
        let latin1 = text.precomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
        if latin1.allSatisfy({ $0 < 0x100 }) { spellings.append(latin1.map { UInt8(truncatingIfNeeded: $0) }) }
        for spelling in Set(spellings) {
            out.insert(spelling)
            for upper in [false, true] {
                for mark in ["\\x", "\\\\x", "="] {
                    out.insert(
                        spelling.flatMap { byte in
                            byte < 0x80 && (byte != 0x3D || mark != "=")
                                ? [byte] : Array(mark.utf8) + hexDigits(byte, upper: upper)
                        })
                }
                out.insert(
                    quoted(spelling, upper: upper, space: Array("%20".utf8)) { isWord($0) || "-_.~".utf8.contains($0) })
            }
            out.insert(
                spelling.flatMap { $0 < 0x80 ? [$0] : [UInt8(ascii: "\\")] + Array(String($0, radix: 8).utf8) })
        }
        return out
    }

    // MARK: Percent signs

    private static func percentQuoted(_ value: [UInt8]) -> Set<[UInt8]> {
        var out: Set<[UInt8]> = []
        // What is left alone, by who quotes: RFC 3986, Python's quote, encodeURIComponent, encodeURI, HTML forms, userinfo, old Python.
        let leftAlone = [
            "-_.~", "-_.~/", "-_.~!'()*", "-_.~!'()*;,/?:@&=+$#", "-_.*", "-_.~!$&'()*+,;=", "-_./", "-_.~/:",
            "-_.~!*'();:@&=+$,/?%#[]",
        ]
        for safe in leftAlone.map({ Array($0.utf8) }) {
            for upper in [false, true] {
                for space in ["%20", "+"] {
                    let form = quoted(value, upper: upper, space: Array(space.utf8)) { isWord($0) || safe.contains($0) }
                    if form != value {
                        out.insert(form)
                        out.insert(form.flatMap { $0 == UInt8(ascii: "%") ? Array("%25".utf8) : [$0] })
                    }
                }
            }
        }
        for upper in [false, true] {
            out.insert(quoted(value, upper: upper, space: Array("%20".utf8)) { _ in false })
        }
        return out
    }

    private static func quoted(
        _ value: [UInt8], upper: Bool, space: [UInt8], leaving isSafe: (UInt8) -> Bool
    ) -> [UInt8] {
        var out: [UInt8] = []
        for byte in value {
            if byte == UInt8(ascii: " ") {
                out += space
            } else if isSafe(byte) {
                out.append(byte)
            } else {
                out.append(UInt8(ascii: "%"))
                out += hexDigits(byte, upper: upper)
            }
        }
        return out
    }

    // MARK: Hexadecimal, UTF-16, base64

    private static func hexForms(_ value: [UInt8]) -> [[UInt8]] {
        [false, true].flatMap { upper in
            ["", "\\x", "\\\\x", " ", ":", "-", ",", ", ", ", 0x", ",0x"].map { separator in
                let separator = Array(separator.utf8)
                var out: [UInt8] = []
                for (index, byte) in value.enumerated() {
                    if index > 0 || separator.first == UInt8(ascii: "\\") { out += separator }
                    out += hexDigits(byte, upper: upper)
                }
                return out
            }
        }
    }

    private static func hexDigits(_ byte: UInt8, upper: Bool) -> [UInt8] {
        let digits = Array((upper ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        return [digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static func utf16(_ value: [UInt8], bigEndian: Bool) -> [UInt8]? {
        guard let text = String(validating: value, as: UTF8.self) else { return nil }
        return text.utf16.flatMap { unit -> [UInt8] in
            let high = UInt8(unit >> 8)
            let low = UInt8(unit & 0xFF)
            return bigEndian ? [high, low] : [low, high]
        }
    }

    private static let standard = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// At each of the three alignments, the characters that hold bits of the value alone.
    private static func addBase64(_ value: [UInt8], to forms: inout Set<Form>) {
        for lead in 0..<3 {
            let bits = 8 * (lead + value.count)
            // The characters that begin before the value's first bit, and the one that ends after its last, depend on the neighbours.
            let first = (8 * lead + 5) / 6
            let end = bits / 6
            guard end - first >= 8 else { continue }
            let padded = [UInt8](repeating: 0, count: lead) + value + [0, 0]
            var core: [UInt8] = []
            for index in first..<end {
                let bit = index * 6
                let pair = UInt16(padded[bit / 8]) << 8 | UInt16(padded[bit / 8 + 1])
                core.append(standard[Int(pair >> UInt16(10 - bit % 8)) & 63])
            }
            let kind: Kind = lead == 0 ? .base64 : .base64After
            forms.insert(Form(bytes: core, kind: kind))
            let url = core.map {
                $0 == UInt8(ascii: "+") ? UInt8(ascii: "-") : $0 == UInt8(ascii: "/") ? UInt8(ascii: "_") : $0
            }
            forms.insert(Form(bytes: url, kind: kind))
            // JSON writers that escape slashes.
            if core.contains(UInt8(ascii: "/")) {
                forms.insert(
                    Form(bytes: core.flatMap { $0 == UInt8(ascii: "/") ? Array("\\/".utf8) : [$0] }, kind: kind))
            }
            // Base64 in a URL's query.
            for upper in [false, true] {
                let quoted = core.flatMap { byte -> [UInt8] in
                    byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
                        ? [UInt8(ascii: "%")] + hexDigits(byte, upper: upper) : [byte]
                }
                forms.insert(Form(bytes: quoted, kind: kind))
            }
        }
    }

    static func isWord(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    static func isBase64(_ byte: UInt8) -> Bool {
        isWord(byte) || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "-")
            || byte == UInt8(ascii: "_")
    }
}
