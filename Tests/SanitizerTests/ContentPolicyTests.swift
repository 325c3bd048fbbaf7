import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// `--policy content`: each file is kept and redacted, and no more than its secrets.
struct ContentPolicyTests {
    private let folder: TemporaryDirectory
    private let secret = "Zr8kQw2nVb6t" + "Yx4mLp0sHd9g"

    init() throws { folder = try TemporaryDirectory() }

    private func stage(_ files: [String: [UInt8]]) throws -> Staged {
        let home = folder.path.appending("files")
        for (path, bytes) in files {
            let file = home.appending(path)
            try FileManager.default.createDirectory(
                atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
            try Data(bytes).write(to: URL(fileURLWithPath: file.string))
        }
        return try Staged(makeSanitizer(content: true), home, in: folder)
    }

    /// A text with its markers as `#`.
    private func redacted(_ text: String, name: String = "a.md") throws -> String {
        let staged = try stage([name: Array(text.utf8)])
        return try #require(staged.text(name)).replacing(#/«redacted:[^»]*»/#, with: "#")
    }

    @Test(
        "No name leaves a file out",
        arguments: ["auth.json", "x.json", "token.json", "api_key.json", "credentials.json"])
    func names(_ name: String) throws {
        #expect(try redacted(#"{"access_token":"\#(secret)"}"#, name: name) == ##"{"access_token":"#"}"##)
        #expect(try redacted("[{\"password\":\"\(secret)\"}]\n", name: "sub/\(name)") == "[{\"password\":\"#\"}]\n")
    }

    @Test("A lone string of JSON keeps its quotes")
    func loneString() throws {
        #expect(try redacted("\"\(secret)\"\n", name: "api_token.json") == "\"#\"\n")
    }

    @Test("What stands after a marker or a password of a command line is left alone")
    func neighbours() throws {
        #expect(try redacted("redis://:\(secret)@h:6379/0\n") == "redis://:#@h:6379/0\n")
        #expect(try redacted("7z x -pS7z-Pw-23 a.7z\n7z x -p\(secret) b.7z\n") == "7z x -p# a.7z\n7z x -p# b.7z\n")
    }

    @Test("A seed phrase ends with its line")
    func mnemonic() throws {
        let seed = "legal winner thank year wave sausage worth useful banana tiger orbit yellow"
        let text = "seed: \(seed)\nyou will use the page to learn more about it\n"
        #expect(try redacted(text) == "seed: #\nyou will use the page to learn more about it\n")
        #expect(try redacted("and then we went home\n\(seed)\nbe quiet.\n") == "and then we went home\n#\nbe quiet.\n")
        let wrapped = seed.replacing(" sausage ", with: "\nsausage ")
        #expect(try redacted("\(wrapped)\n") == "#\n")
    }

    @Test("A word with an escaped letter is no password")
    func escapedLetters() throws {
        let text = #"{"t": "Das Passwort f\u00fcr den Server ist \#(secret)\n"}"#
        #expect(try redacted(text, name: "a.json") == ##"{"t": "Das Passwort f\u00fcr den Server ist #\n"}"##)
    }

    @Test("A datum under a section of secrets is one in each syntax")
    func sections() throws {
        let wanted = "wifi.*#.*nas.*#"
        let samples = [
            ("a.json", #"{"secrets": {"wifi": "\#(secret)"}, "passwords": {"nas": "\#(secret)x"}}"#),
            ("a.yaml", "secrets: {wifi: \(secret)}\npasswords: {port: 8080, nas: \(secret)x}\n"),
            ("b.yaml", "secrets:\n  wifi: \(secret)\npasswords:\n  nas: \(secret)x\n"),
            ("a.toml", "[secrets]\nwifi = \"\(secret)\"\n[passwords]\nnas = \"\(secret)x\"\n"),
            ("a.ini", "[secrets]\nwifi = \(secret)\n[passwords]\nnas = \(secret)x\n"),
        ]
        for (name, text) in samples {
            let stored = try redacted(text, name: name)
            #expect(!stored.contains(secret.prefix(8)), "\(name): \(stored)")
            #expect(stored.replacing("\n", with: " ").contains(try Regex(wanted)), "\(name)")
            if name == "a.yaml" { #expect(stored.contains("port: 8080")) }
        }
    }

    @Test("UTF-32 is read and written back as it was", arguments: [true, false], [true, false])
    func utf32(bigEndian: Bool, mark: Bool) throws {
        func encoded(_ text: String) -> [UInt8] {
            ((mark ? "\u{FEFF}" : "") + text).unicodeScalars.flatMap { scalar in
                let bytes = (0..<4).map { UInt8(truncatingIfNeeded: scalar.value >> (8 * $0)) }
                return bigEndian ? bytes.reversed() : bytes
            }
        }
        let text = "Grüße 🔑\npassword: \(secret)\nend\r\n"
        let bytes = encoded(text)
        let encoding = try #require(TextEncoding.of(bytes))
        #expect(encoding.isWide && encoding.decoded(bytes) == Array(text.utf8))
        #expect(encoding.encoded(Array(text.utf8)) == bytes)
        let plain = encoded("Grüße 🔑, nothing here\n")
        let staged = try stage(["a.txt": bytes, "b.txt": plain])
        let stored = try #require(staged.files[Array("a.txt".utf8)])
        let decoded = String(decoding: try #require(encoding.decoded(stored)), as: UTF8.self)
        #expect(decoded.replacing(#/«redacted:[^»]*»/#, with: "#") == text.replacing(secret, with: "#"))
        #expect(staged.files[Array("b.txt".utf8)] == plain)
        // Small numbers are no text.
        #expect(TextEncoding.of((0..<64).flatMap { encoded(String(UnicodeScalar(UInt8($0)))).suffix(4) }) == nil)
    }
}
