import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// What a home's `.env` and config.yaml teach the search, whatever the names in them.
struct EnvironmentValuesTests {
    /// A password as a manager makes one.
    private static func random(_ length: Int) -> String {
        var generator = SeededGenerator(seed: UInt64(length) &* 977)
        let letters = Array("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789")
        return "q7R" + String((3..<length).map { _ in letters[Int(generator.next() % UInt64(letters.count))] })
    }

    static let secrets: [(name: String, value: String)] = [
        ("WIFI_PSK", "correct horse battery staple"), ("DBPW", random(12)), ("X", random(16)),
        ("SESSION", "0f9e8d7c6b5a" + "4f3e2d1c0b9a"), ("MASTER", random(14)), ("UNLOCK_CODE", random(15)),
        ("ROUTER_LOGIN", random(17)), ("HA_LLAT", random(20)), ("MQTT", "user:" + random(18)),
        ("DB_PW", "s p a c e pw \"q\" \\ 99"), ("UNI", "Pässwörd-ünïcode-77"), ("SMTP", "hunter2hunter"),
        ("WLAN", "Sommer-Garten-Haus"), ("NAS", "two words-77"), ("ALARM", "Summer2024!holiday"),
        ("TOPIC", random(19)), ("BOT_URL", random(22)), ("SMTP_MAIL", random(13)), ("DOLLAR", "$ommergarten9"),
        ("LETTERS", "qwhzk" + "vbnmplk"),
        ("SMTP_MAIL", random(13)), ("DOLLAR", "$ommergarten9"), ("LETTERS", "qwhzk" + "vbnmplk"),
    ]

    @Test("A value is a secret under any name", arguments: secrets)
    func secretValue(_ name: String, _ value: String) {
        #expect(EnvironmentValues.isSecret(value, name: name))
    }

    static let settings: [(name: String, value: String)] = [
        ("HERMES_MODEL", "anthropic/claude-sonnet"), ("VISION", "openai/gpt-4o-mini"),
        ("LLM", "claude-sonnet-4-5-20250929"),
        ("OLLAMA", "qwen2.5-coder:32b"), ("TZ", "Europe/Berlin"), ("WHERE", "America/New_York"),
        ("LANG", "en_US.UTF-8"),
        ("DB", "db.example.org:5432"), ("CACHE", "localhost:6379"), ("BIND", "[::1]:8080"), ("NAS", "nas-2.fritz.box"),
        ("DB_USER", "hermes_service_2"), ("GIT_AUTHOR_NAME", "Kim Miller-Jones"), ("MAILTO", "kim@example.org"),
        ("HASS_URL", "http://homeassistant.local:8123/api"), ("CHATS", "-1001234567890,-1009876543210"),
        ("SNOWFLAKE", "123456789012345678"), ("HOME_CHANNEL", "@kims_family_channel"), ("FRIEND", "@kims_family_2"),
        ("WAIT", "30 minutes"), ("KEEP", "1h30m15s"), ("ROOM", "1024 MiB"), ("TERMINAL_CWD", "/home/kim/projects"),
        ("DATA", "~/hermes/data-2"), ("VOICE", "voices/kim-2.onnx"), ("EXTRA", "--max-old-space-size=4096"),
        ("CRON", "0 9 * * 1-5"), ("ALLOWED", "telegram,discord,whatsapp2"),
        ("ITEMS", "[\"web-search-2\", \"terminal\"]"),
        ("OTEL", "service.name=hermes-2,stage=production"), ("PLATFORM", "homeassistant"), ("PIN", "4711"),
        ("ADD", "$PWD/bin:$PATH"),
        ("SOURCE", "openClaw"),
        ("SOURCE", "openClaw"),
        ("GREETING", "Good morning, dear friend"), ("WORKSPACE_ID", "6c1f9a52-3b7d-4a11-9e0f-0d2b8c7a6e55"),
        ("RELEASE", "v2.14.3-rc1"), ("FROM", "${OTHER}/sub-2"), ("EMPTY", ""), ("ON", "true"),
        ("WORD", "production"),
        ("CLIENT_ID", "852140061314-abc9def"), ("SIZE", "1024x768"), ("SINCE", "2026-01-01T00:00:00Z"),
    ]

    @Test("A setting is none", arguments: settings)
    func plainValue(_ name: String, _ value: String) {
        #expect(!EnvironmentValues.isSecret(value, name: name))
    }

    @Test("Of a URL the random parts count, not the whole")
    func urls() {
        let part = EnvironmentValuesTests.random(18)
        #expect(EnvironmentValues.randomParts(ofURL: "https://hooks.example/services/\(part)") == [part, part])
        #expect(EnvironmentValues.randomParts(ofURL: "https://a.example/x?sig=\(part)&v=20240101") == [part, part])
        for plain in [
            "https://api.example.org/v1/chat/completions", "https://example.org/homeassistant-2/lovelace",
            "http://192.168.1.20:8123/dashboard", "no url at all \(part)",
        ] {
            #expect(EnvironmentValues.randomParts(ofURL: plain).isEmpty, "\(plain)")
        }
    }

    /// How a value stands in other files.
    private func forms(_ value: String) throws -> [String] {
        let json = String(decoding: try JSONEncoder().encode([value]).dropFirst(2).dropLast(2), as: UTF8.self)
        let url = value.addingPercentEncoding(withAllowedCharacters: .alphanumerics)
        return [
            value, json, try #require(url), hex(Array(value.utf8)), Data(value.utf8).base64EncodedString(),
        ]
    }

    /// A home with these files, sanitized.
    private func stage(_ files: [String: String], in folder: TemporaryDirectory) throws -> Staged {
        let home = folder.path.appending("home")
        for (path, text) in files {
            let file = home.appending(path)
            try FileManager.default.createDirectory(
                atPath: file.removingLastComponent().string, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: URL(fileURLWithPath: file.string))
        }
        return try Staged(makeSanitizer(), home, in: folder)
    }

    @Test(
        "No value of .env stands in a note, in any encoding; a home's and a profile's", arguments: ["", "profiles/p/"])
    func copies(_ profile: String) throws {
        let folder = try TemporaryDirectory()
        let hook = EnvironmentValuesTests.random(18)
        let dotenv =
            EnvironmentValuesTests.secrets.map { "\($0.name)='\($0.value.replacing("\\", with: "\\\\"))'" }
            + EnvironmentValuesTests.settings.map { "\($0.name)=\($0.value)" }
            + [
                "BOT_WEBHOOK=https://hooks.example/\(hook)", "MULTI=\"line1-AAAA-bbbb\nline2-CCCC-dddd\"",
                "näme=\(hook)x9",
            ]
        let values =
            EnvironmentValuesTests.secrets.map(\.value)
            + [hook, "line1-AAAA-bbbb", "line2-CCCC-dddd", "line1-AAAA-bbbb\nline2-CCCC-dddd", hook + "x9"]
        var lines: [String] = []
        for value in values { lines += try forms(value).map { "jotted \($0) down" } }
        let plain = EnvironmentValuesTests.settings.map { "we use \($0.value) here" }.joined(separator: "\n")
        let staged = try stage(
            [
                profile + ".env": dotenv.joined(separator: "\n") + "\n",
                "memories/MEMORY.md": lines.joined(separator: "\n"),
                "memories/plain.md": plain,
            ], in: folder)
        let note = try #require(staged.text("memories/MEMORY.md"))
        for line in lines { #expect(!note.contains(line), "\(line)") }
        #expect(staged.text("memories/plain.md") == plain)
    }

    @Test("A value that config.yaml has in the open is a setting")
    func settingOfTheConfiguration() throws {
        let phrase = "the blue house by the lake"
        let files = [".env": "PLACE=\(phrase)\n", "memories/MEMORY.md": "I know \(phrase)."]
        let alone = try TemporaryDirectory()
        #expect(try stage(files, in: alone).text("memories/MEMORY.md")?.contains(phrase) == false)
        let folder = try TemporaryDirectory()
        let named = files.merging(["config.yaml": "display:\n  caption: \(phrase)\n"]) { $1 }
        #expect(try stage(named, in: folder).text("memories/MEMORY.md")?.contains(phrase) == true)
    }

    @Test("What stands under a name of secrets is one, in flow and in block form, in a list, over lines, with blanks")
    func configuration() throws {
        let folder = try TemporaryDirectory()
        let (wifi, github, item) = (
            EnvironmentValuesTests.random(12), EnvironmentValuesTests.random(21), EnvironmentValuesTests.random(13)
        )
        let config = """
            model: {default: anthropic/claude-opus-4, max_tokens: 8192}
            secrets: {wifi: \(wifi), alarm: Sommer-Garten-Haus, door: 4711, enabled: true, url: "http://vault.example/v1"}
            passwords:
              nas: Blume-Wiese-Bach
              mail: {user: kim-miller-2, host: imap.example.org, code: Kaffee am Morgen 7}
            tokens: {github: \(github), max: 8192, items: [\(item)]}
            gateway: {token: "AbCd1234 MnOp5678"}
            other:
              token: |
                block-t0ken-line1-abc
                block-t0ken-line2-def

            """
        let secrets = [
            wifi, "Sommer-Garten-Haus", "Blume-Wiese-Bach", "Kaffee am Morgen 7", github, item, "AbCd1234 MnOp5678",
            "block-t0ken-line1-abc", "block-t0ken-line2-def",
        ]
        let note = secrets.map { "jotted \($0) down" }.joined(separator: "\n")
        let plain = "kim-miller-2 at imap.example.org, 8192, door 4711, http://vault.example/v1"
        let staged = try stage(
            ["config.yaml": config, "memories/MEMORY.md": note, "memories/USER.md": plain], in: folder)
        let stored = try #require(staged.text("config.yaml"))
        for secret in secrets {
            #expect(!stored.contains(secret), "\(secret)")
            #expect(staged.text("memories/MEMORY.md")?.contains(secret) == false, "\(secret)")
        }
        #expect(staged.text("memories/USER.md") == plain)
        for kept in [
            "max_tokens: 8192", "enabled: true", "http://vault.example/v1", "user: kim-miller-2",
            "host: imap.example.org",
            "max: 8192",
        ] {
            #expect(stored.contains(kept), "\(kept)")
        }
        #expect(stored.contains("door: \"${HERMES_OPS_SECRETS_DOOR}\"") && !stored.contains("redacted"))
    }

    @Test("config.yaml with a byte order mark, of several documents, or in UTF-16 refers to variables all the same")
    func markedConfiguration() throws {
        let secret = EnvironmentValuesTests.random(24)
        let yaml = "a:\n  api_key: \(secret)\n  lab: \"pw \(secret)\"\n"
        for text in ["\u{FEFF}" + yaml, "---\n" + yaml + "---\nb: {password: \(secret)x}\n"] {
            let folder = try TemporaryDirectory()
            let stored = try #require(try stage(["config.yaml": text], in: folder).text("config.yaml"))
            #expect(stored.contains("api_key: \"${HERMES_OPS_A_API_KEY}\""), "\(stored)")
            #expect(stored.contains("lab: \"pw ${HERMES_OPS_A_LAB}\""))
            #expect(!stored.contains(secret) && !stored.contains("redacted"))
            #expect(stored.utf8.starts(with: text.utf8.prefix(3)))
            #expect(text.contains("---") == stored.contains("b: {password: \"${HERMES_OPS_B_PASSWORD}\"}"))
        }
    }

    @Test("Values over lines, escapes and quotes are read as python-dotenv reads them")
    func dotenv() throws {
        let text = #"""
            A="one\ntwo\t\"three\" \d \\ $x"
            B='it\'s \n \\'
            C="first
            second" # a comment
            D=un closed "quote
            E="never closes
            export F = bare # comment
            G=x#y
            """#
        var values: [String: String] = [:]
        for case .assignment(_, let key, let value) in Dotenv.lines(Array(text.utf8)) {
            values[String(decoding: key, as: UTF8.self)] = String(decoding: value, as: UTF8.self)
        }
        #expect(
            values == [
                "A": "one\ntwo\t\"three\" \\d \\ $x", "B": "it's \\n \\", "C": "first\nsecond",
                "D": "un closed \"quote",
                "E": "never closes", "F": "bare", "G": "x#y",
            ])
    }
}
