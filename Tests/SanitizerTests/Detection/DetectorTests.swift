internal import Foundation
internal import TestSupport
internal import Testing

@testable internal import Sanitizer

@Suite struct DetectorTests {
    static func token(_ template: String, seed: UInt64 = 5) throws -> String {
        var random = SeededGenerator(seed: seed)
        return try TokenTemplate(template).sample(using: &random)
    }

    @Test func decodesBase64AndHexTwoLevelsDeep() throws {
        let detector = try TokenRuleTests.detector.get()
        let token = try Self.token("ghp_{alnum:36}")
        for plain in [token, "X=1\nOPENAI_API_KEY=\(try Self.token("sk-proj-{alnum:60}"))\nY=2\n"] {
            for shift in ["", "a", "ab"] {
                let once = Data((shift + " " + plain).utf8).base64EncodedString()
                let bare = once.trimmingCharacters(in: ["="])
                #expect(
                    try findings("data: \(once)\n", detector, name: "k.yaml").first?.hasPrefix(bare) == true,
                    "shift \(shift.count)")
            }
            let hex = Data(plain.utf8).map { String(format: "%02x", $0) }.joined()
            #expect(try findings("blob \(hex) end", detector, name: "a.log") == [hex])
        }
    }

    /// A token that only its length tells, at every place of a text that is looked at many bytes at a time, and at its end.
    @Test func findsLongRunsAnywhere() throws {
        let detector = try TokenRuleTests.detector.get()
        let token = try Self.token("acme_pat_{alnum:36}")
        for before in 0..<130 {
            let text = String(repeating: ". ", count: before / 2) + (before % 2 == 0 ? "" : " ") + token
            for after in ["", "\n", " é" + String(repeating: " -", count: 100)] {
                #expect(try findings(text + after, detector, name: "a.log") == [token], "after \(before) bytes")
            }
        }
    }

    @Test func findsPrivateKeysInEveryDress() throws {
        let detector = try TokenRuleTests.detector.get()
        let lines = (0..<6).map { _ in "" }.indices.map { try? Self.token("{b64:64}", seed: UInt64($0) + 1) }
            .compactMap(\.self)
        let begin = "-----BEGIN " + "RSA PRIVATE KEY-----"
        let end = "-----END " + "RSA PRIVATE KEY-----"
        let texts = [
            begin + "\n" + lines.joined(separator: "\n") + "\n" + end + "\n",
            "key: |\n  " + begin + "\n  " + lines.joined(separator: "\n  ") + "\n  " + end + "\nnext: 1\n",
            "{\"private_key\": \"" + begin + "\\n" + lines.joined(separator: "\\n") + "\\n" + end + "\\n\"}",
            "{\"a\": \"{\\\"k\\\": \\\"" + begin + "\\\\n" + lines.joined(separator: "\\\\n") + "\\\\n" + end
                + "\\\"}\"}",
            begin + "\r\n" + lines.joined(separator: "\r\n") + "\r\n" + end + "\r\n",
        ]
        for text in texts {
            let found = try findings(text, detector, name: "x.txt").joined()
            for line in lines { #expect(found.contains(line), "in \(text.prefix(40))") }
            #expect(!found.contains("BEGIN"))
        }
        let publicKey = "-----BEGIN PUBLIC KEY-----\n" + lines.joined(separator: "\n") + "\n-----END PUBLIC KEY-----\n"
        #expect(try findings(publicKey, detector, name: "x.pem") == [])
    }

    @Test func findsMnemonicsAndRecoveryCodes() throws {
        let detector = try TokenRuleTests.detector.get()
        let seed = "vivid abstract crumble orchard weasel tornado lobster frown gaze umbrella pistol quantum"
        #expect(try findings("my wallet: \(seed)\n", detector, name: "notes.md") == [seed])
        #expect(
            try findings("\(seed.split(separator: " ").prefix(8).joined(separator: " "))\n", detector, name: "notes.md")
                == [])
        let codes = ["a1b2c-3d4e5", "9f8e7-d6c5b", "1q2w3-e4r5t"]
        #expect(
            try findings("Recovery codes:\n- \(codes.joined(separator: "\n- "))\n\nDone.\n", detector, name: "n.md")
                == codes)
    }

    @Test func marksBareNumbersForQuotes() throws {
        let detector = try TokenRuleTests.detector.get()
        let bytes = Array("{\"pin\": 4711, \"port\": 4711}".utf8)
        let found = try bytes.withUnsafeBytes { try detector.findings(in: $0, name: Array("honcho.json".utf8)) }
        #expect(found.count == 1)
        #expect(found.first?.needsQuotes == true)
        #expect(found.first?.range == 8..<12)
    }

    @Test func survivesHostileBytes() throws {
        let detector = try TokenRuleTests.detector.get()
        var random = SeededGenerator(seed: 9)
        let pieces = [
            "password", "\"", "\\", "\\n", ":", "=", "'", "`", "://", "@", "-----BEGIN ", "PRIVATE KEY-----", "token",
            "{", "[", "<", ">", "|",
            ",", "\t", "\n", "$", "Bearer ", "cookie", "curl ", "-u", "«", "\u{0}", "xxxx", "eyJ", ".",
            "recovery codes", "\"name\":", "é", "/",
        ]
        for _ in 0..<200 {
            var text: [UInt8] = []
            for _ in 0..<Int.random(in: 0...40, using: &random) {
                if Bool.random(using: &random) {
                    text += Array(pieces.randomElement(using: &random)!.utf8)
                } else {
                    text.append(UInt8.random(in: 0...255, using: &random))
                }
            }
            let found = try text.withUnsafeBytes { try detector.findings(in: $0, name: Array("x".utf8)) }
            var last = 0
            for finding in found {
                #expect(
                    finding.range.lowerBound >= last && finding.range.upperBound <= text.count && !finding.range.isEmpty
                )
                last = finding.range.upperBound
            }
        }
    }

    @Test func survivesOneByteOverAndOverAndDeepNesting() throws {
        let detector = try TokenRuleTests.detector.get()
        let units = ["a", "\"", "\\", " ", "=", ":", "{", "[", "(", "/", "B", "0", "-", "\n", "\u{0}"].map {
            Array($0.utf8)
        }
        for unit in units + [[0xFF], [0xC3], [0x80]] {
            let text = [UInt8](repeating: unit[0], count: 3_000)
            let found = try text.withUnsafeBytes { try detector.findings(in: $0, name: Array("x.json".utf8)) }
            #expect(found.isEmpty, "\(unit)")
        }
        var nested = #"{"password":"#
        for depth in 0..<6 { nested += String(repeating: "\\", count: (1 << depth) - 1) + "\"{" }
        _ = try findings(nested + "x", detector, name: "x.json")
    }

    @Test func findsASecretAtEachOffsetAndAtBothEnds() throws {
        let detector = try TokenRuleTests.detector.get()
        let token = try Self.token("ghp_{alnum:36}")
        for lead in 0..<12 {
            let text = String(repeating: ".", count: lead) + token
            #expect(try findings(text, detector, name: "x") == [token])
            #expect(try findings(text + "\n", detector, name: "x") == [token])
        }
    }

    @Test func staysLinearOnOneLongLine() throws {
        let detector = try TokenRuleTests.detector.get()
        let clock = ContinuousClock()
        for unit in [
            "password,", "\"token\":\"", "a://b@", "-----BEGIN PRIVATE KEY-----", "cookie: a=b; ", "{\"key\":[",
            "abandon ", "c2VjcmV0", "pass|", "curl -u ", "echo ", "\"d\":", "insert into a (", "token,",
        ] {
            func time(_ count: Int) throws -> Duration {
                let text = Array(String(repeating: unit, count: count / unit.utf8.count).utf8)
                return try clock.measure {
                    _ = try text.withUnsafeBytes { try detector.findings(in: $0, name: Array("x.js".utf8)) }
                }
            }
            _ = try time(500)
            let short = try time(1_500)
            let long = try time(12_000)
            #expect(long < short * 32 + .milliseconds(300), "\(unit): \(short) then \(long)")
        }
    }
}
