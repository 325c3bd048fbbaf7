import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// What stands in a secret's place, and what only looks like it.
struct MarkerTests {
    private let key = Secret([UInt8](repeating: 3, count: 32))
    private let known = "labkey-" + secret(31, 20)
    private let token = "ghp_" + secret(32, 36)

    private func inspector() throws -> Inspector {
        Inspector(detector: try Detector.standard(), known: try KnownValues([Array(known.utf8)], key: key), key: key)
    }

    private func redacted(_ text: String, _ name: String) throws -> String {
        let bytes = Array(text.utf8)
        let hits = try bytes.withUnsafeBytes { try inspector().hits(in: $0, name: Array(name.utf8)) }
        return String(decoding: Redactor.replace(bytes, hits, asciiOnly: false), as: UTF8.self)
    }

    @Test("What only begins like a marker hides nothing")
    func openMarkers() throws {
        let texts = [
            "Hermes shows keys as `«redacted:` plus a prefix.\nThe lab key is \(known)\n",
            "grep \"«redacted:\" notes.md\nLAB_KEY=\(token)\n",
            "{\"preview\":\"api_key: «redacted:known-val\",\"text\":\"use \(known)\"}\n",
            "«redacted:known-value:\(known)»\n", "«redacted:\(known):01234567»\n",
            "«redacted:known-value:01234567 \(known)»\n", "«redacted:known-value:0123456» \(known)\n",
            "«redacted:github-pat:\(token)»\n", "«redacted:\(token):01234567»\n",
            "«redacted:known-value:01234567»\(known)«redacted:known-value:01234567»\n",
            "REDACTED_known_value_\(known)\n", "REDACTED_\(token)_01234567\n", "${HERMES_OPS_\(known)}\n",
            "password: ${HERMES_OPS_X \(known)}\n",
        ]
        for text in texts {
            let out = try redacted(text, "notes/a.md")
            #expect(!out.contains(known) && !out.contains(token), "\(out)")
        }
    }

    @Test("Markers as this program writes them are no secrets, nor what they are called")
    func ownMarkers() throws {
        for rule in ["known-value", "password", "github-pat", "config-secret", "private-key"] {
            for text in [
                "password: «redacted:\(rule):0a1b2c3d»\n", "{\"token\": \"«redacted:\(rule):0a1b2c3d»\"}\n",
                "TOKEN = b\"\(String(decoding: Marker.ascii(rule: rule, fingerprint: "0a1b2c3d"), as: UTF8.self))\"\n",
                "postgres://kim:\(String(decoding: Marker.ascii(rule: rule, fingerprint: "0a1b2c3d"), as: UTF8.self))@db/x\n",
                "url: postgres://kim:${HERMES_OPS_URL}@db/x\n",
            ] { #expect(try redacted(text, "a.yaml") == text) }
        }
        // Every rule that the detectors have is one that markers can have.
        let rules = try Detector.standard().ruleIDs
        #expect(rules.isSuperset(of: RuleSet.structuralIDs) && rules.contains("github-pat"))
    }

    @Test("A literal of bytes gets a marker of ASCII alone")
    func byteLiterals() throws {
        let python = [
            "TOKEN = b\"@\"\n", "TOKEN = rb'@'\n", "x = {'a': b'{\"token\": \"@\"}'}\n",
            "# don't\nX = b\"\"\"\nline\n@\n\"\"\"\n", "send(B'Bearer @')\n",
        ]
        for text in python {
            let out = try redacted(text.replacing("@", with: known), "scripts/a.py")
            #expect(out.utf8.allSatisfy { $0 < 0x80 } && out.contains("REDACTED_known_value_"), "\(out)")
            #expect(try redacted(out, "scripts/a.py") == out)
        }
        for (text, name) in [
            ("const T: &[u8] = b\"@\";\n", "src/a.rs"), ("let t = br#\"@\"#;\n", "src/a.rs"),
            ("```python\nT = b'@'\n```\n", "notes/a.md"), ("{\"source\": [\"T = b\\\"@\\\"\\n\"]}\n", "a.ipynb"),
        ] {
            let out = try redacted(text.replacing("@", with: known), name)
            #expect(out.utf8.allSatisfy { $0 < 0x80 } && out.contains("REDACTED_known_value_"), "\(out)")
        }
        for text in ["TOKEN = \"@\"\n", "a = b\"x\"; c = \"@\"\n", "b = '@'\n", "# b\"\nx = '@'\n"] {
            #expect(try redacted(text.replacing("@", with: known), "scripts/a.py").contains("«redacted:known-value:"))
        }
    }

    @Test("A bare number in code becomes a string")
    func bareNumbers() throws {
        for (text, name) in [
            ("password = 482917365012\n", "a.py"), ("const password = 482917365012;\n", "a.js"),
            ("login(user='kim', password=482917365012)\n", "a.py"), ("x = { password: 482917365012 }\n", "a.ts"),
        ] {
            let out = try redacted(text, name)
            #expect(out.contains("\"«redacted:") && out.contains("»\"") && !out.contains("4829"), "\(out)")
        }
        #expect(try redacted("password = '482917365012'\n", "a.py").hasPrefix("password = '«redacted:"))
    }
}
