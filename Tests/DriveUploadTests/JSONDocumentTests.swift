import Testing

@testable import DriveUpload

@Suite("JSON documents")
struct JSONDocumentTests {
    @Test("A document is written back as it was, but for what was set")
    func roundTrip() throws {
        let text = #"{"z":1.50,"a":[true,null,-0.5e+3],"s":"é\n\"\\","u":"😀","o":{}}"#
        var document = try JSONDocument(parsing: Array(text.utf8))
        #expect(
            document.serialized == Array(##"{"z":1.50,"a":[true,null,-0.5e+3],"s":"é\u000a\"\\","u":"😀","o":{}}"##.utf8)
        )
        document["a"] = .string("new")
        document["z"] = nil
        document["end"] = .number(7)
        #expect(String(decoding: document.serialized, as: UTF8.self).hasSuffix(#""u":"😀","o":{},"end":7}"#))
        #expect(try JSONDocument(parsing: document.serialized) == document)
    }

    @Test("Google's 64-bit numbers are strings")
    func integers() throws {
        let document = try JSONDocument(parsing: Array(#"{"a":"9007199254740993","b":12,"c":"x"}"#.utf8))
        #expect(document["a"]?.integer == 9_007_199_254_740_993)
        #expect(document["b"]?.integer == 12)
        #expect(document["c"]?.integer == nil)
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.", "+1", "nul", "\"\u{1}\"", "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"", "\"\\ud800\\u0041\"", "{} x", "'a'", "\"\\u12", "\"a", "--1", "1e", "{1:2}",
            String(repeating: "[", count: 100_000),
        ])
    func malformed(_ text: String) {
        #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument(parsing: Array(text.utf8)) }
    }

    @Test("Every cut of a document is refused")
    func cuts() throws {
        let text = Array(#"{"files":[{"id":"1a","size":"12","appProperties":{"k":"v"}}],"n":"t"}"#.utf8)
        for length in 0..<text.count {
            #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument(parsing: Array(text[..<length])) }
        }
        #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument(parsing: [34, 0xC0, 0x80, 34]) }
    }
}
