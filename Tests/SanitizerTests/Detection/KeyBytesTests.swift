import Foundation
import TestSupport
import Testing

@testable import Sanitizer

/// Private keys without armour, content in base64, and blocks that were cut short.
struct KeyBytesTests {
    private func random(_ count: Int, seed: UInt64) -> [UInt8] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
    }

    private func wrapped(_ bytes: [UInt8], _ width: Int, _ separator: String = "\n") -> String {
        let text = Data(bytes).base64EncodedString()
        guard width > 0 else { return text }
        var lines: [Substring] = []
        var rest = text[...]
        while !rest.isEmpty {
            lines.append(rest.prefix(width))
            rest = rest.dropFirst(width)
        }
        return lines.joined(separator: separator)
    }

    /// A sequence of so many bytes that begins with `head`.
    private func sequence(_ length: Int, _ head: [UInt8], seed: UInt64) -> [UInt8] {
        let size: [UInt8] =
            length < 128
            ? [UInt8(length)] : length < 256 ? [0x81, UInt8(length)] : [0x82, UInt8(length >> 8), UInt8(length & 255)]
        return [0x30] + size + head + random(length - head.count, seed: seed)
    }

    private var keys: [[UInt8]] {
        let rsa: [UInt8] = [2, 1, 0, 0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0]
        let curve: [UInt8] = [6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1]
        return [
            sequence(1214, rsa, seed: 1), sequence(2370, rsa, seed: 2),
            sequence(1187, [2, 1, 0, 2, 0x82, 1, 1, 0], seed: 3), sequence(604, [2, 1, 0, 2, 0x81, 0x81, 0], seed: 4),
            sequence(135, [2, 1, 0, 0x30, 0x13] + curve, seed: 5),
            sequence(182, [2, 1, 0, 0x30, 0x10] + curve, seed: 6),
            sequence(46, [2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20], seed: 7),
            sequence(83, [2, 1, 1, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20], seed: 8),
            sequence(119, [2, 1, 1, 4, 0x20], seed: 9), sequence(164, [2, 1, 1, 4, 0x30], seed: 10),
            sequence(220, [2, 1, 1, 4, 0x42], seed: 11), Array("openssh-key-v1\0".utf8) + random(400, seed: 12),
        ]
    }

    @Test("A private key in base64 without armour lines is found whole")
    func bareKeys() throws {
        let detector = try Detector.standard()
        for key in keys {
            for width in [0, 64, 76] {
                for (before, separator, after) in [
                    ("", "\n", "\n"), ("note\n\n", "\r\n", "\r\nmore words\n"),
                    ("{\"k\": \"", "\\n", "\", \"next\": 1}"),
                    ("x: |\n  ", "\n  ", "\ny: 1\n"),
                ] {
                    let text = before + wrapped(key, width, separator) + after
                    let found = try findings(text, detector, name: "notes/x.txt")
                    #expect(
                        found.joined() == wrapped(key, 0),
                        "\(key.prefix(12)) at \(width), \(separator.debugDescription)")
                }
            }
        }
    }

    @Test("What is no private key stays: public keys, certificates, requests")
    func publicBytes() throws {
        let detector = try Detector.standard()
        let rsa: [UInt8] = [0x30, 0x0D, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1, 5, 0, 3, 0x82, 1, 0x0F, 0]
        for bytes in [
            sequence(290, rsa, seed: 21), sequence(900, [0x30, 0x82, 2, 0x6C, 0xA0, 3, 2, 1, 2, 2, 0x14], seed: 22),
            sequence(700, [0x30, 0x82, 1, 0xA4, 2, 1, 0, 0x30, 0x50], seed: 23),
            sequence(270, [2, 0x82, 1, 1, 0], seed: 24),
        ] {
            for width in [64, 76] {
                #expect(try findings("text\n\n" + wrapped(bytes, width) + "\n", detector, name: "a.txt").isEmpty)
            }
        }
    }

    @Test("Content in base64 stays byte for byte, in one run and in lines")
    func content() throws {
        let detector = try Detector.standard()
        for seed in 100..<112 as Range<UInt64> {
            // What the formats of tokens look like, as it comes up among many random bytes.
            var bytes = random(30_000, seed: seed)
            let token = Array((Data(base64Encoded: "ask" + secret(seed, 93)) ?? Data()))
            bytes.replaceSubrange(12_000..<(12_000 + token.count), with: token)
            for (text, name) in [
                ("{\"image/png\": \"\(wrapped(bytes, 0))\"}", "a.ipynb"),
                ("{\"image/png\": \"\(wrapped(bytes, 76, "\\n"))\\n\"}", "a.ipynb"),
                ("![x](data:image/png;base64,\(wrapped(bytes, 0)))\n", "a.md"),
                ("p { background: url(data:image/png;base64,\(wrapped(bytes, 0))) }\n", "a.css"),
                ("DATA = \"\"\"\n\(wrapped(bytes, 76))\n\"\"\"\n", "a.py"),
                ("base64 -d <<EOF | tar xz\n\(wrapped(bytes, 76))\nEOF\n", "a.sh"),
                ("  blob: |\n    \(wrapped(bytes, 64, "\n    "))\nnext: 1\n", "a.yaml"),
            ] {
                let found = try findings(text, detector, name: name)
                #expect(found.isEmpty, "\(name), \(seed): \(found)")
            }
        }
    }

    @Test("Secrets beside and behind base64 are found as ever")
    func besideContent() throws {
        let detector = try Detector.standard()
        let token = "ghp_" + secret(51, 36)
        let blob = wrapped(random(3000, seed: 52), 76)
        #expect(try findings("\(blob)\ntoken: \(token)\n\(blob)\n", detector, name: "a.txt") == [token])
        let password = wrapped(random(60, seed: 53), 0)
        #expect(try findings("password: \(password)\n", detector, name: "a.yaml") == [password])
        let long = wrapped(random(600, seed: 54), 0)
        #expect(try findings("client_secret: \(long)\n", detector, name: "a.yaml") == [long])
        let hidden = wrapped(Array("API_KEY=\(token)\n".utf8) + random(0, seed: 1), 0)
        #expect(try findings("data:\n  x: \(hidden)\n", detector, name: "a.yaml").first == hidden)
    }

    @Test("A key block that its string cut short takes nothing of what follows")
    func cutBlock() throws {
        let detector = try Detector.standard()
        let begin = "-----BEGIN " + "PRIVATE KEY-----"
        let end = "-----END " + "PRIVATE KEY-----"
        let body = wrapped(keys[0], 64, "\\n")
        let block = "\(begin)\\n\(body)\\n\(end)"
        for cut in [36, 50, 70] {
            let text = "{\"name\": \"\(block.prefix(cut))\", \"prompt\": \"use \(block)\\n\", \"id\": \"0123456789ab\"}"
            let found = try findings(text, detector, name: "cron/jobs.json")
            #expect(!found.contains { $0.contains("prompt") || $0.contains("0123456789ab") }, "\(found)")
            #expect(found.joined().hasSuffix(wrapped(keys[0], 0)))
            if cut > 46 {
                #expect(found.first.map { block.prefix(cut).hasSuffix($0) } ?? false || found.count > 20, "\(found)")
            }
        }
        // Without another block after it, and with an end that is no longer its own.
        let text = "{\"name\": \"\(block.prefix(60))\", \"prompt\": \"words \(end)\"}"
        #expect(try !findings(text, detector, name: "cron/jobs.json").contains { $0.contains("prompt") })
    }
}
