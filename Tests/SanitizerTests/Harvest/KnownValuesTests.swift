import Foundation
import Support
import TestSupport
import Testing

@testable import Sanitizer

struct KnownValuesTests {
    private let key = Secret([UInt8](repeating: 3, count: 32))

    private func matches(_ values: [String], in text: [UInt8]) throws -> [KnownValues.Match] {
        let known = try KnownValues(Set(values.map { Array($0.utf8) }), key: key)
        return text.withUnsafeBytes { known.matches(in: $0) }
    }

    @Test("Base64 at every alignment, both alphabets, whatever stands around it")
    func base64() throws {
        var random = SplitMix64(seed: 5)
        for round in 0..<120 {
            let value = (0..<Int.random(in: 8...40, using: &random)).map { _ in
                UInt8.random(in: 33...126, using: &random)
            }
            let text = String(decoding: value, as: UTF8.self)
            let lead = (0..<(round % 7)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let tail = (0..<Int.random(in: 0...5, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            var encoded = Data(lead + value + tail).base64EncodedString()
            if round % 2 == 1 {
                encoded = encoded.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
            }
            let line = "before \(encoded) after"
            let found = try matches([text], in: Array(line.utf8))
            let match = try #require(found.first, "\(lead.count) bytes before")
            // Without what matched, decoding what is left gives no three characters of the value in a row... at either side.
            let start = 7 + (lead.count * 8) / 6
            let end = 7 + ((lead.count + value.count) * 8 + 5) / 6
            #expect(match.range.lowerBound <= start && match.range.upperBound >= min(end, 7 + encoded.utf8.count))
        }
    }

    @Test(
        "Every spelling of an awkward value",
        arguments: [
            "pä\"s\\s/w&rd<é>", "a'b#c$d%e+f g", "tab\tand\nline", "emoji😀key/123", "=====;;;;====", "x`y|z(1)[2]{3}",
        ])
    func spellings(_ value: String) throws {
        let json = try String(decoding: JSONSerialization.data(withJSONObject: [value]), as: UTF8.self).dropFirst(2)
            .dropLast(2)
        let nested = try String(decoding: JSONSerialization.data(withJSONObject: [String(json)]), as: UTF8.self)
            .dropFirst(2).dropLast(2)
        var ascii = ""
        for unit in value.utf16 {
            ascii +=
                unit < 0x80 && unit > 0x1F && !"\"\\".utf16.contains(unit)
                ? String(UnicodeScalar(UInt8(unit)))
                : unit == 0x22
                    ? "\\\""
                    : unit == 0x5C
                        ? "\\\\"
                        : unit == 0x0A
                            ? "\\n"
                            : unit == 0x09
                                ? "\\t"
                                : "\\u" + String(repeating: "0", count: 4 - String(unit, radix: 16).count)
                                    + String(unit, radix: 16)
        }
        var spellings = [
            value, String(json), String(nested), ascii, hex(value.utf8), hex(value.utf8).uppercased(),
            Data(value.utf8).base64EncodedString(),
        ]
        for set in ["", "/", "-_.~", "-_.~!*'()", "-_.~!*'();:@&=+$,/?#"] {
            let allowed = CharacterSet(
                charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~" + set)
            let quoted = value.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
            spellings += [quoted, lowerEscapes(quoted), quoted.replacing("%", with: "%25")]
        }
        spellings.append(value.utf8.map { "%" + hex([$0]) }.joined())
        for spelling in spellings {
            let text = Array("{\"k\": \"".utf8) + Array(spelling.utf8) + Array("\"}".utf8)
            let found = try matches([value], in: text)
            #expect(
                found.contains { $0.range.lowerBound <= 7 && $0.range.upperBound >= 7 + spelling.utf8.count - 1 },
                "\(spelling)")
        }
        for wide in [
            Data(value.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }),
            Data(value.utf16.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }),
        ] {
            #expect(try !matches([value], in: [1, 2, 3] + Array(wide)).isEmpty)
            #expect(try !matches([value], in: Array(("x" + wide.base64EncodedString()).utf8)).isEmpty)
        }
    }

    private func lowerEscapes(_ text: String) -> String {
        var out = ""
        var digits = 0
        for character in text {
            out += digits > 0 ? character.lowercased() : String(character)
            digits = character == "%" ? 2 : max(0, digits - 1)
        }
        return out
    }

    @Test("Base64 of base64, and bytes in hexadecimal with anything between")
    func nested() throws {
        let value = "plum/Orbit+92=vex"
        for lead in 0..<3 {
            let once = Data(Array(repeating: 33, count: lead) + Array(value.utf8) + [33, 33, 33]).base64EncodedString()
            for second in 0..<3 {
                let twice = Data((String(repeating: "x", count: second) + once).utf8).base64EncodedString()
                #expect(try !matches([value], in: Array("a \(twice) b".utf8)).isEmpty, "\(lead), \(second)")
            }
        }
        for separator in ["-", ",", ", ", ", 0x", ",0x", "\\x", "\\\\x", ":", " "] {
            for upper in [false, true] {
                let digits = value.utf8.map { byte in upper ? hex([byte]).uppercased() : hex([byte]) }
                let first = separator.hasPrefix("\\") ? separator : "0x"
                let text = "[ \(first)\(digits.joined(separator: separator)) ]"
                #expect(try !matches([value], in: Array(text.utf8)).isEmpty, "\(separator)")
            }
        }
    }

    @Test("Letters beyond ASCII in other spellings")
    func beyondASCII() throws {
        let value = "süßer-Käse-Brötchen9"
        let latin1 = value.unicodeScalars.map { UInt8($0.value) }
        let bytes = Array(value.utf8)
        let spellings: [[UInt8]] = [
            latin1, Array(value.decomposedStringWithCanonicalMapping.utf8),
            Array(bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\x" + hex([$0]) }.joined().utf8),
            Array(
                latin1.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\xFC".prefix(2) + hex([$0]).uppercased() }
                    .joined().utf8),
            Array(bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "\\" + String($0, radix: 8) }.joined().utf8),
            Array(bytes.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "=" + hex([$0]).uppercased() }.joined().utf8),
            Array(latin1.map { $0 < 0x80 ? String(UnicodeScalar($0)) : "%" + hex([$0]).uppercased() }.joined().utf8),
        ]
        for spelling in spellings {
            let found = try matches([value], in: Array("x ".utf8) + spelling + Array(" y".utf8))
            #expect(found.contains { $0.range == 2..<(2 + spelling.count) }, "\(spelling)")
        }
        // Kept decomposed, written composed.
        #expect(try !matches([value.decomposedStringWithCanonicalMapping], in: bytes).isEmpty)
    }

    @Test("The skipping search finds what a plain search finds")
    func againstPlainSearch() throws {
        var random = SplitMix64(seed: 11)
        // A small alphabet, so that there are many near misses and overlaps.
        let alphabet = Array("abAB12-/".utf8)
        func word(_ length: Int) -> [UInt8] {
            (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &random)] }
        }
        for _ in 0..<15 {
            let values = Set((0..<4).map { _ in word(Int.random(in: 8...12, using: &random)) })
            var text = word(2000)
            for value in values {
                let at = Int.random(in: 0..<1900, using: &random)
                text.replaceSubrange(at..<(at + value.count), with: value)
            }
            let known = try KnownValues(values, key: key)
            let found = Set(text.withUnsafeBytes { known.matches(in: $0) }.map(\.range))
            for value in values {
                for start in 0...(text.count - value.count)
                where text[start..<(start + value.count)].elementsEqual(value) {
                    #expect(found.contains(start..<(start + value.count)))
                }
            }
        }
        #expect(try matches(["secretvalue1"], in: Array("secretvalue1".utf8)).count == 1)
        #expect(try matches(["secretvalue1"], in: Array("secretvalue".utf8)).isEmpty)
        #expect(try matches([], in: Array("anything at all".utf8)).isEmpty)
    }

    @Test("A number within a longer number is another number")
    func numbers() throws {
        #expect(try matches(["123456789012"], in: Array("id 99123456789012 x".utf8)).isEmpty)
        #expect(try matches(["123456789012"], in: Array("id 123456789012 x".utf8)).count == 1)
    }

    @Test("The beginning of a long value, cut short by a title or a log, is found")
    func cutShort() throws {
        let value = "tok-v1-abcdefghijklmnop0123456789ABCDEFGH"
        #expect(try matches([value], in: Array("name: tok-v1-abcdefghijklm".utf8)).first?.range == 6..<26)
        #expect(try matches([value], in: Array("name: tok-v1-abcdefghijklm, x".utf8)).count == 1)
        #expect(try matches([value], in: Array("name: tok-v1-abcdefghijklmZZ".utf8)).isEmpty)
        #expect(try matches([value], in: Array("name: tok-v1-abc".utf8)).isEmpty)
    }

    @Test("Identity follows the set and the key; fingerprints follow value and key")
    func identity() throws {
        let one = try KnownValues([Array("value-one-1".utf8)], key: key)
        let same = try KnownValues([Array("value-one-1".utf8)], key: key)
        let more = try KnownValues([Array("value-one-1".utf8), Array("value-two-2".utf8)], key: key)
        let otherKey = try KnownValues([Array("value-one-1".utf8)], key: Secret([UInt8](repeating: 4, count: 32)))
        #expect(one.identity == same.identity && one.identity != more.identity && one.identity != otherKey.identity)
        #expect(one.fingerprint(of: 0) != otherKey.fingerprint(of: 0) && one.fingerprint(of: 0).utf8.count == 8)
    }
}
