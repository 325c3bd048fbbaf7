import Support
import Testing

@Suite struct ForeignYAMLTests {
    /// Eight levels of nine aliases each: 43 million values.
    private static var bomb: String {
        "a0: &a0 x\n"
            + (1...8).map { level in
                "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n"
            }.joined()
    }

    @Test func nestedAliasesAreRefused() {
        let bombs = [
            Self.bomb, "? &k [*k]\n" + Self.bomb, "q: \"&a1 *a1\"\n" + Self.bomb,
            // One name again and again, each time for the one before.
            "- &a x\n" + String(repeating: "- &a [*a,*a,*a]\n", count: 30),
            // Layouts that look as if a node ended: brackets in quotes, lists as far left as their key, flow at the margin.
            "a0: &a0 x\n"
                + (1...30).map { "a\($0): &a\($0) [ \"]\",\n*a\($0 - 1), *a\($0 - 1) ]\n" }.joined(),
            "a0: &a0 x\n" + (1...30).map { "a\($0): &a\($0)\n- *a\($0 - 1)\n- *a\($0 - 1)\n" }.joined(),
            "a0: &a0 x\n"
                + (1...30).map { "a\($0): &a\($0)\n  [\nk: *a\($0 - 1), l: *a\($0 - 1) ]\n" }.joined(),
            // Without a space anywhere.
            "[&a [x]" + (0..<30).map { _ in ",&a [*a,*a]" }.joined() + "]",
        ]
        for bomb in bombs { #expect(!ForeignYAML.isBounded(Array(bomb.utf8))) }
    }

    @Test func whatPeopleWriteIsNot() {
        let merged = (0..<200).map { "job\($0):\n  <<: *defaults\n  name: n\($0)\n" }.joined()
        let texts = [
            "", "a: 1\n", "base: &defaults\n  retries: 3\n" + merged,
            // As PyYAML writes what it meets twice.
            (1...9).map { "x\($0): &id00\($0) [a, b]\ny\($0): *id00\($0)\n" }.joined(),
            // Many anchors, each used a few times: that they could be nested does not mean that they are.
            (1...60).map { "x\($0): &id\($0) [a, b]\n" }.joined()
                + (1...60).map { "y\($0): [*id\($0), *id\($0), *id\($0)]\n" }.joined(),
            (1...60).map { "x\($0): &id\($0)\n- a\n- b: c\n" }.joined()
                + (1...60).map { "y\($0):\n  one: *id\($0)\n  two: *id\($0)\n" }.joined(),
            // Emphasis, globs and query strings are no aliases.
            "text: |\n  **bold** and *italic* & more\n" + String(repeating: "  see *.log ?a=1&b=2 *a\n", count: 5000),
        ]
        for text in texts { #expect(ForeignYAML.isBounded(Array(text.utf8)), "\(text.prefix(40))") }
    }

    @Test func aLongTextTakesNoTime() {
        let start = ContinuousClock.now
        #expect(ForeignYAML.isBounded(Array(String(repeating: "&a ", count: 1_000_000).utf8)))
        #expect(!ForeignYAML.isBounded(Array(String(repeating: "&a *a ", count: 700_000).utf8)))
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}
