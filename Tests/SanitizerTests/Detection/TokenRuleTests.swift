internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// Every token rule, both ways, with tokens made from its own format.
@Suite struct TokenRuleTests {
    static let detector = Result { try Detector.standard() }

    @Test func everyRuleFindsItsSamplesAndNotTheirStumps() throws {
        let detector = try Self.detector.get()
        let sources = try RuleSet.tokenSources()
        #expect(sources.count >= 400)
        #expect(Set(sources.map(\.id)).count == sources.count, "ids are unique")
        var random = SeededGenerator(seed: 11)
        for source in sources {
            let rule = try TokenRule(source)
            let templates = try (source.samples ?? [source.token].compactMap(\.self)).map(TokenTemplate.init)
            #expect(!templates.isEmpty, "\(source.id) has no sample")
            for template in templates {
                for _ in 0..<4 {
                    let token = template.sample(using: &random)
                    // A line of notes that names nothing: the format alone must do.
                    let line = "see \(token) there"
                    let found = try findings(line, detector, name: "notes.md")
                    #expect(
                        found.contains { token.contains($0) && $0.count >= 5 },
                        "\(source.id): \(template.pieces.count) pieces")
                    // The token's front alone is no token.
                    let scratch = try Pattern.Scratch()
                    let stump = Array((rule.keyword + " ").utf8)
                    let match = try stump.withUnsafeBufferPointer { buffer in
                        try rule.pattern.match(
                            in: ByteText(base: buffer.baseAddress!, count: buffer.count), from: 0, to: stump.count,
                            anchored: true,
                            scratch: scratch)
                    }
                    #expect(match == nil, "\(source.id) takes its own front for a token")
                }
            }
            for near in source.near ?? [] {
                let text = try TokenTemplate(near).sample(using: &random)
                #expect(try findings(text, detector, name: "notes.md").isEmpty, "\(source.id)")
            }
            #expect(source.id.utf8.allSatisfy { $0.isLower || $0.isDigit || $0 == 45 }, "\(source.id)")
            #expect(source.source?.isEmpty == false, "\(source.id) has no source")
        }
    }

    @Test func placeholdersOfTokensStay() throws {
        let detector = try Self.detector.get()
        for text in [
            "ghp_" + String(repeating: "x", count: 36), "sk-" + String(repeating: "x", count: 24), "sk-...",
            "sk-p...7890", "sk-ant-…",
            "sk-a***", "hf_<token>", "xoxb-your-token-goes-here-please",
        ] {
            #expect(try findings("api_key: \(text)\n", detector, name: "config.yaml").isEmpty, "\(text)")
        }
    }

    @Test func templatesRejectWhatTheyDoNotKnow() {
        for bad in ["a{nothing:3}", "a{hex}", "a{hex:x}", "a{hex:5-2}", "a{hex:3"] {
            #expect(throws: (any Error).self) { try TokenTemplate(bad) }
        }
    }
}

/// The secrets found in `text`, as text.
func findings(_ text: String, _ detector: Detector, name: String) throws -> [String] {
    let bytes = Array(text.utf8)
    let found = try bytes.withUnsafeBytes { try detector.findings(in: $0, name: Array(name.utf8)) }
    var last = 0
    for finding in found {
        #expect(finding.range.lowerBound >= last && !finding.range.isEmpty, "ordered, not overlapping")
        last = finding.range.upperBound
    }
    return found.map { String(decoding: bytes[$0.range], as: UTF8.self) }
}
