import Support
import Testing

@Suite struct JSONValueTests {
    private func parse(_ text: String) throws -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

    @Test func aKeyThatIsNamedTwiceIsFound() throws {
        for good in [#"{"a":{"a":1,"b":[{"a":2},{"a":3}]},"b":"\"a\":1"}"#, "[]", #"{"a":null,"A":null}"#] {
            try JSONValue.refuseRepeatedKeys(in: Array(good.utf8))
        }
        for bad in [
            #"{"a":1,"a":1}"#, #"{"b":[{"a":1,"c":{},"a":[]}]}"#, #"{"a":1,"\u0061":2}"#, #"{"":1,"":2}"#, #"{"a":1"#,
        ] {
            #expect(throws: JSONValue.SyntaxError.self) { try JSONValue.refuseRepeatedKeys(in: Array(bad.utf8)) }
        }
    }

    @Test func documentsOfEveryKind() throws {
        let value = try parse(#" {"a":[1,-2.5e1,true,null,"x\n\u00e9\ud83d\ude00\/"],"b":{},"a2":[],"n":1.0} "#)
        #expect(value["a"]?.array == [.integer(1), .number(-25), .bool(true), .null, .string("x\né😀/")])
        #expect(value["b"]?.object == [:])
        #expect(value["n"]?.integer == 1)
        #expect(value["missing"] == nil)
        #expect(try parse("9223372036854775808").number == 9_223_372_036_854_775_808)
        #expect(try parse(#""\ud800""#).string == "\u{FFFD}")
        #expect(try JSONValue(parsing: [0xEF, 0xBB, 0xBF, 0x31]) == .integer(1))
    }

    @Test(arguments: [
        "", " ", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "1.", "-", "1e", "tru", "\"", "\"\\x\"", "\"\\u12\"",
        "1 2", "nan", "1e999",
        "\"\u{01}\"", "{1:2}", "[1 2]",
    ])
    func whatIsNoJSON(_ text: String) {
        #expect(throws: JSONValue.SyntaxError.self) { try parse(text) }
    }

    @Test func depthIsBounded() throws {
        let deep = String(repeating: "[", count: 2_000_000)
        #expect(throws: JSONValue.SyntaxError.self) { try parse(deep) }
        #expect(throws: Never.self) { try parse(String(repeating: "[", count: 64) + String(repeating: "]", count: 64)) }
    }

    @Test func brokenBytesAreRefused() {
        #expect(throws: JSONValue.SyntaxError.self) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    /// Whatever the bytes, the parser answers.
    @Test func noInputTraps() {
        var generator = Lehmer(state: 20_261_123)
        let alphabet = Array(#"{}[]",:\u0123e.-+tfn "#.utf8) + [0xFF, 0x00, 0xC3]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<30, using: &generator)).map { _ in
                alphabet.randomElement(using: &generator)!
            }
            _ = try? JSONValue(parsing: bytes)
        }
    }
}

/// A small seeded generator (Lehmer, 128-bit): the same bytes in every run.
private struct Lehmer: RandomNumberGenerator {
    var state: UInt128

    mutating func next() -> UInt64 {
        state = (state | 1) &* 0xda94_2042_e4dd_58b5
        return UInt64(truncatingIfNeeded: state >> 64)
    }
}
