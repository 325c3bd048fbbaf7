internal import Support
internal import Testing

@Suite struct PrintableTests {
    @Test(arguments: [
        (Array("plain ünï 日本".utf8), "plain ünï 日本"), (Array("a\nb\t\u{1B}[31m".utf8), "a\\nb\\t\\u{1b}[31m"),
        ([0x62, 0xFF, 0xFE, 0x2F], "b\\xff\\xfe/"), (Array("back\\slash".utf8), "back\\\\slash"),
        (Array("\u{202E}gpj".utf8), "\\u{202e}gpj"), ([0xE2, 0x82], "\\xe2\\x82"), ([0xC0, 0x80], "\\xc0\\x80"),
        ([], ""),
    ])
    func shows(bytes: [UInt8], text: String) {
        #expect(printable(bytes) == text)
    }

    @Test func cutsWhatIsLong() {
        #expect(printable("abcdef", limit: 3) == "abc…")
        #expect(printable("abc", limit: 3) == "abc")
    }

    @Test func neverHoldsAControlCharacter() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0...24)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let text = printable(bytes)
            #expect(text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }, "\(bytes)")
        }
    }
}
