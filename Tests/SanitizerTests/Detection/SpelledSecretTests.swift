import Foundation
import Support
import TestSupport
import Testing

@testable import Sanitizer

/// Secrets that escapes, encodings and code spell otherwise, and what only looks like one.
struct SpelledSecretTests {
    @Test("A token begins after the tail of an escape too, whatever its format says of the bytes before it")
    func afterEscapes() throws {
        let detector = try Detector.standard()
        let tokens = [
            try DetectorTests.token("{[1-9]:10}:AA{b64url:33}"), try DetectorTests.token("{hex:32}-us{digit:2}"),
            try DetectorTests.token("{hex:36}NRAL"),
        ]
        for token in tokens {
            for text in [
                "{\"text\": \"line one\\n\(token)\\nline three\"}",
                "{\"a\": \"{\\\"b\\\": \\\"one\\\\n\(token)\\\\ntwo\\\"}\"}",
                "body=one%0A\(token)%0Atwo", "{\"q\": \"x\\u003d\(token)\"}",
            ] { #expect(try findings(text, detector, name: "queue.json") == [token], "\(text)") }
            #expect(try findings("one a\(token) two", detector, name: "queue.json") != [token])
        }
    }

    @Test("Codes amid recovery codes are some, without a digit too")
    func recoveryCodes() throws {
        let detector = try Detector.standard()
        let codes = ["mvtr1plt5j", "0kv66rnjon", "02ajnqfrfr", "3rh88unven", "ao7lh1rv28", "haafccyp0q"]
        let json = "{\"site\": \"forum.example.net\", \"recovery_codes\": [\"\(codes.joined(separator: "\", \""))\"]}"
        #expect(try findings(json, detector, name: "a.json") == codes)
        let groups = ["j8bz-tgo6", "15zf-msmy", "cxku-bv4f", "uqef-ifrq", "8ejp-y3x9"]
        let note =
            "These are your backup codes:\n\(groups.joined(separator: "\n"))\n\nKeep them somewhere safe, on paper.\n"
        #expect(try findings(note, detector, name: "a.txt") == groups)
    }

    @Test("Literals that code joins, a script in UTF-16, an Oracle login, a password that ends in an open bracket")
    func spelled() throws {
        let detector = try Detector.standard()
        let (first, second) = ("ghp_" + secret(1, 16), secret(2, 20))
        for code in [
            "TOKEN = (\"\(first)\"\n         \"\(second)\")\n", "token = '\(first)' + '\(second)'\n",
            "String token = \"\(first)\" +\n    \"\(second)\";\n",
        ] { #expect(try findings(code, detector, name: "a.py") == [first, second], "\(code)") }
        #expect(try findings("t = {\"token\": \"\(first)\",\n \"\(second)\": 1}\n", detector, name: "a.py") == [first])
        let script = "$p=\"ghp_\(secret(3, 36))\"; net use Z: \\\\nas\\x $p"
        let wide = Data(script.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }).base64EncodedString()
        for option in ["-EncodedCommand", "-enc"] {
            #expect(try findings("powershell \(option) \(wide)\n", detector, name: "a.bat") == [wide])
        }
        let password = secret(4, 14)
        #expect(
            try findings("connect with olga/\(password)@//pg-prod.acme.io:1521/XE and list\n", detector, name: "a.md")
                == [password])
        #expect(try findings("see https://example.org/@//x\n", detector, name: "a.md").isEmpty)
        let odd = "dj-" + secret(5, 20) + "*&!_^$)%@g6=h" + "$("
        #expect(try findings("SECRET_KEY = '\(odd)'\n", detector, name: "settings.py") == [odd])
    }

    @Test("A service called Shortcut, a proxy's login")
    func names() throws {
        let detector = try Detector.standard()
        let id = "c92d4cda-5507-4291-ab13-" + hex((0..<6).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) })
        #expect(try findings("set SHORTCUT_API_TOKEN=\(id)\r\nbot.exe\r\n", detector, name: "run.bat") == [id])
        #expect(try findings("shortcut_key = \"ctrl+alt+k9x7q2m4\"\n", detector, name: "a.toml").isEmpty)
        let password = "Garden" + "Purple9525"
        #expect(
            try findings("cache_peer mail.acme.net parent 3128 0 login=kim:\(password)\n", detector, name: "squid.conf")
                == [password])
    }

    @Test(
        "No secrets",
        arguments: [
            ("keyring.set_password('hermes', username, password)\n", "a.py"),
            ("Q" + "mStC67BFW5wGa4W4k4eszxPkUVMyAictbmDm22zL5GAMq\nis the address\n", "i.md"),
            ("password: \"パスワードを入力してください\"\n", "ja.yml"),
            ("SECRET_KEY = '$(pass show web/key-9)'\n", "settings.py"),
        ])
    func none(_ text: String, _ name: String) throws {
        #expect(try findings(text, Detector.standard(), name: name).isEmpty)
    }
}
