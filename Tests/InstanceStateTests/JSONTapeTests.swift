import Foundation
import Support
import TestSupport
import Testing

@testable import InstanceState

/// The tape's decoder and Foundation's agree on everything that both take, and the tape takes nothing that is not JSON.
@Suite struct JSONTapeTests {
    private struct Everything: Codable, Equatable {
        var text: String
        var flag: Bool?
        var number: Double?
        var whole: Int?
        var list: [Everything]?
        var names: [String: Int]?
    }

    private func tape(_ text: String) throws -> Everything {
        try TapeDecoder.decode(Everything.self, from: Array(text.utf8), .init(depth: 24))
    }

    @Test(arguments: [
        #"{"text":"plain"}"#, #" { "text" : "a\"b\\c\/d\b\f\n\r\t" , "flag" : true } "#,
        #"{"text":"\u00e9\u20ac\ud83d\ude00 é€😀"}"#, #"{"t\u0065xt":"escaped name"}"#,
        #"{"text":"","number":-1.5e-3,"whole":-9223372036854775808}"#, #"{"text":"x","whole":1.0,"number":0}"#,
        #"{"text":"x","whole":null,"list":[],"names":{}}"#, #"{"text":"x","unknown":[[{}],1,"y",null]}"#,
        #"{"text":"x","list":[{"text":"a","list":[{"text":"b"}]},{"text":"c","names":{"a":1,"b":2}}],"flag":false}"#,
    ])
    func bothAgree(_ text: String) throws {
        #expect(try tape(text) == JSONDecoder().decode(Everything.self, from: Data(text.utf8)))
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,]", #"{"text":"x",}"#, #"{"text":"x"} x"#, #"{"text":'x'}"#, #"{text:"x"}"#,
        #"{"text":"x","whole":01}"#, #"{"text":"x","whole":+1}"#, #"{"text":"x","number":1.}"#,
        #"{"text":"x","number":.5}"#, #"{"text":"x","number":1e}"#, #"{"text":"x","number":NaN}"#,
        #"{"text":"x","flag":True}"#, #"{"text":"x","flag":tru}"#, #"{"text":"\x"}"#, #"{"text":"\u12g4"}"#,
        #"{"text":"\ud800"}"#, #"{"text":"\ud800\u0041"}"#, #"{"text":"\udc00"}"#, "{\"text\":\"a\u{1}\"}",
        #"{"text":"x" "flag":true}"#, #"{"text" "x"}"#, #"{"text":"x","whole":9223372036854775808}"#,
        #"{"text":"x","whole":1.5}"#, #"{"text":1}"#, #"{"flag":true}"#, #"["text"]"#, #""text""#, "nul",
        #"{"text":"x","text":"y"}"#, #"{"text":"x","t\u0065xt":"x"}"#,
        #"{"text":"x","new":[{"a":1,"b":2,"\u0061":3}]}"#,
        #"{"text":"never closed"#, #"{"text":"x\"#, "\u{FEFF}{}",
    ])
    func whatIsNotSoIsRefused(_ text: String) { #expect(throws: (any Error).self) { try tape(text) } }

    @Test func brokenTextIsRefused() {
        #expect(throws: (any Error).self) {
            try TapeDecoder.decode(
                Everything.self, from: Array(#"{"text":""#.utf8) + [0xC3, 0x28] + Array(#""}"#.utf8), .init(depth: 24))
        }
    }

    @Test func depthAndWidthAreBounded() throws {
        let deep =
            #"{"text":"x","unknown":"# + String(repeating: "[", count: 23) + String(repeating: "]", count: 23) + "}"
        #expect(try tape(deep).text == "x")
        for text in [
            #"{"text":"x","unknown":"# + String(repeating: "[", count: 24) + String(repeating: "]", count: 24) + "}",
            String(repeating: "[", count: 1_000_000),
            #"{"text":"x","unknown":["# + Array(repeating: "1", count: 1025).joined(separator: ",") + "]}",
            "{" + (0..<257).map { "\"a\($0)\":1" }.joined(separator: ",") + "}",
        ] {
            #expect(throws: SnapshotError.self) { try tape(text) }
        }
    }

    /// An error names the place and not the value.
    @Test func errorsNameTheirPlace() throws {
        let text = #"{"text":"x","list":[{"text":"a"},{"text":"b","names":{"q":"hunter2"}}]}"#
        let error = #expect(throws: DecodingError.self) { try tape(text) }
        #expect(try SnapshotError(#require(error)).description == "list/1/names/q has the wrong type")
        let missing = #expect(throws: DecodingError.self) { try tape(#"{"text":"x","list":[{}]}"#) }
        #expect(try SnapshotError(#require(missing)).description == "list/0/text is missing")
    }

    /// Bytes changed at random: nothing crashes, and what still decodes is what Foundation reads.
    @Test func damagedSnapshotsNeverCrash() throws {
        let good = try example("instance-vijay")
        var generator = SeededGenerator(seed: 5)
        var decoded = 0
        for _ in 0..<3000 {
            var text = good
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                text[index] = UInt8.random(in: 0x20...0x7E, using: &generator)
            }
            guard let snapshot = try? InstanceSnapshot(decoding: text) else { continue }
            decoded += 1
            #expect(try JSONDecoder().decode(InstanceSnapshot.self, from: Data(text)) == snapshot)
        }
        #expect(decoded > 50)
    }
}
