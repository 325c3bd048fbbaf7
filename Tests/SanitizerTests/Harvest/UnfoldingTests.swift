import Foundation
import Support
import Testing

@testable import Sanitizer

/// Known values in wrapped lines and behind escapes of single characters.
struct UnfoldingTests {
    private let secret = Array("Kj7-plum/Orbit+92=vexQ&tide<44>mole".utf8)

    private func known() throws -> KnownValues {
        try KnownValues([secret], key: Secret([UInt8](repeating: 7, count: 32)))
    }

    private func covered(_ text: String) throws -> [String] {
        let bytes = Array(text.utf8)
        let ranges = bytes.withUnsafeBytes { bytes in (try? known())?.matches(in: bytes).map(\.range) ?? [] }
        return ranges.map { String(decoding: bytes[$0], as: UTF8.self) }
    }

    private func wrapped(_ text: String, _ width: Int, _ separator: String) -> String {
        var lines: [Substring] = []
        var rest = text[...]
        while !rest.isEmpty {
            lines.append(rest.prefix(width))
            rest = rest.dropFirst(width)
        }
        return lines.joined(separator: separator)
    }

    @Test(
        "Base64 and hex wrapped over lines",
        arguments: ["\n", "\r\n", "\n    ", "\n> ", "\n# ", "\\n", "\\r\\n", "\\\\n", "\\\n"])
    func wrapping(_ separator: String) throws {
        for lead in 0..<3 {
            let before = [UInt8](repeating: UInt8(ascii: "a"), count: 50 + lead)
            let base64 = Data(before + secret + before).base64EncodedString()
            for width in [16, 24, 40, 60, 64, 76] {
                for text in [wrapped(base64, width, separator), wrapped(hex(before + secret), width, separator)] {
                    let found = try covered("text before\n" + text + "\nand after, nothing of it\n")
                    #expect(!found.isEmpty, "\(width) \(separator.debugDescription)")
                    for part in found { #expect(!part.contains("after") && !part.contains("before")) }
                }
            }
        }
    }

    @Test("A file of nothing but wrapped base64 is looked through to its end, in pieces")
    func longFile() throws {
        let filler = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 7) }
        let text = wrapped(Data(filler + secret).base64EncodedString(), 76, "\n")
        #expect(try !covered(text).isEmpty)
    }

    @Test("Escapes of any characters, in any mixture, in up to three layers")
    func escapes() throws {
        let text = String(decoding: secret, as: UTF8.self)
        func unicode(_ text: String, _ escaped: (Int, Character) -> Bool, upper: Bool = true) -> String {
            text.enumerated().map { index, character in
                guard escaped(index, character), let value = character.asciiValue else { return String(character) }
                let digits = String(value, radix: 16, uppercase: upper)
                return "\\u00" + (digits.count == 1 ? "0" : "") + digits
            }.joined()
        }
        let one = [
            unicode(text) { _, character in character == "+" },
            unicode(text, { index, _ in index % 3 == 0 }, upper: false),
            unicode(text) { _, _ in true }, unicode(text) { _, character in "<>&+".contains(character) },
        ]
        for form in one {
            for layered in [form, form.replacing("\\", with: "\\\\"), form.replacing("\\", with: "\\\\\\\\")] {
                let found = try covered("{\"note\": \"x \(layered) y\"}")
                #expect(
                    found.contains { $0.hasPrefix(String(layered.prefix(6))) && layered.hasSuffix($0.suffix(6)) },
                    "\(layered)")
            }
        }
        let percent = text.enumerated().map { index, character in
            index % 4 == 1 ? "%" + hex([character.asciiValue ?? 0]) : String(character)
        }.joined()
        #expect(try covered("GET /?q=\(percent)&x=1").contains(percent))
        // Far from the start, across the pieces' borders.
        let far = String(repeating: "\\u0041bc ", count: 20_000)
        #expect(try covered(far + one[1] + far).contains(one[1]))
    }

    /// A value with a mark before some of its characters.
    private func marked(_ value: [UInt8], _ mark: (Int, UInt8) -> String) -> String {
        value.enumerated().map { mark($0, $1) }.joined()
    }

    @Test("Marks that mean nothing: soft line breaks, continued lines, backslashes, references")
    func marks() throws {
        func character(_ byte: UInt8) -> String { String(UnicodeScalar(byte)) }
        let punctuation = Set("_*[]()~`>#+-=|{}.!".utf8)
        var spellings: [String] = []
        for newline in ["\n", "\r\n", "\\n", "\\r\\n"] {
            spellings.append(
                marked(secret) { index, byte in
                    (index % 9 == 5 ? "=" + newline : "") + (byte == 0x3D ? "=3D" : character(byte))
                })
        }
        for newline in ["\\\n", "\\\r\n", "\\\n    ", "\\\\\\n", "\\\\\\n  "] {
            spellings.append(marked(secret) { ($0 % 11 == 7 ? newline : "") + character($1) })
        }
        for backslash in ["\\", "\\\\"] {
            spellings.append(marked(secret) { (punctuation.contains($1) ? backslash : "") + character($1) })
            spellings.append(marked(secret) { ($1 == 0x2D ? backslash : "") + character($1) })
        }
        spellings.append(marked(secret) { "&#\($1);" })
        spellings.append(marked(secret) { $0 % 2 == 0 ? "&#x\(String($1, radix: 16));" : "&#\($1);" })
        spellings.append(
            marked(secret) { index, byte in
                byte == 0x26 ? "&amp;" : byte == 0x3C ? "&lt;" : index == 3 ? "&#0\(byte);" : character(byte)
            })
        for spelling in spellings {
            let found = try covered("first line\nthe key is \(spelling) and more\nlast line\n")
            #expect(found.contains(spelling), "\(spelling.debugDescription): \(found)")
        }
        // Many of them, across the pieces' borders, and amid code that is full of backslashes.
        let far = String(repeating: "\\(a\\.b\\) ", count: 20_000)
        #expect(try covered(far + spellings[9] + " " + far).contains(spellings[9]))
    }

    @Test("A phrase with blanks and letters beyond ASCII, marked")
    func markedPhrase() throws {
        let value = "Grüne-Vögel fliegen um 7!"
        let known = try KnownValues([Array(value.utf8)], key: Secret([UInt8](repeating: 7, count: 32)))
        for spelling in [
            "Gr=C3=BCne-V=C3=B6gel flie=\ngen um 7!", "Gr&#252;ne-V&#xf6;gel fliegen um 7!",
            "Grüne\\-Vögel fliegen um 7\\!",
        ] {
            let text = Array("it is \(spelling) today\n".utf8)
            let ranges = text.withUnsafeBytes { known.matches(in: $0).map(\.range) }
            #expect(ranges.contains { text[$0].elementsEqual(spelling.utf8) }, "\(spelling)")
        }
    }

    @Test("Ordinary text reads as it stands")
    func ordinary() throws {
        #expect(try covered(String(repeating: "line of words\\n and 100%25 of \\u00e9 it\n", count: 50)).isEmpty)
    }
}
