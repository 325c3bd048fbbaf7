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
            for width in [24, 40, 60, 64, 76] {
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

    @Test("Ordinary text reads as it stands")
    func ordinary() throws {
        #expect(try covered(String(repeating: "line of words\\n and 100%25 of \\u00e9 it\n", count: 50)).isEmpty)
    }
}
