import Support
import Testing

@testable import Sanitizer

struct HarvesterTests {
    private func harvest(_ text: String, _ name: String, _ mode: HarvestMode = .keys) throws -> Set<String> {
        var harvester = Harvester(detector: try Detector.standard())
        try harvester.add(file: Array(text.utf8), name: Array(name.utf8), mode: mode)
        return Set(harvester.values.map { String(decoding: $0, as: UTF8.self) })
    }

    @Test("dotenv: quotes, export, comments, several lines; settings are not learnt")
    func dotenv() throws {
        let values = try harvest(
            """
            HERMES_MODEL=anthropic/claude-sonnet
            TELEGRAM_ALLOWED_USERS=123456789,987654321
            MAX_TOKENS=81920000
            A_API_KEY=Zx81plainValue
            export B_TOKEN="Qu0ted \\"value\\" 9"
            C_SECRET='single#9quoted' # a comment
            D_PASSWORD=bare9value # a comment
            E_PRIVATE_KEY="first9LineOfTheKeyIsLongEnough
            second8LineOfTheKeyIsLongEnough"
            # OLD_KEY=Comm3ntedOutValue
            URL=https://me:Pass%40word9@example.org/x
            F_TOKEN=${OTHER}
            G_PASSWORD=changeme
            H_PIN=4711
            """, ".env")
        let wanted = [
            "Zx81plainValue", "Qu0ted \"value\" 9", "single#9quoted", "bare9value", "first9LineOfTheKeyIsLongEnough",
            "second8LineOfTheKeyIsLongEnough", "Comm3ntedOutValue", "Pass%40word9", "Pass@word9",
        ]
        #expect(values.isSuperset(of: wanted), "\(Set(wanted).subtracting(values))")
        #expect(
            values.isDisjoint(with: [
                "anthropic/claude-sonnet", "123456789,987654321", "81920000", "changeme", "4711", "${OTHER}",
            ]))
    }

    @Test("A password may hold words of placeholders, a date, words alone; a placeholder is one as a whole")
    func placeholders() throws {
        let passwords = [
            "my_dog_Rex_2019!", "replaceM3now77", "wait...what99Zx", "sunny-garden-tree", "butterfly-lamp",
            "2026-11-30-Kq8vT", "your-Kq8vT99", "<Kq8vT99/x>", "${Kq8vT99", "{{x}}Kq8vT99zz", "vault:Kq8vT99x!",
            "my_Garden_party_77", "insert_c01n_here!", "48291736", "5829173604",
        ]
        for (index, password) in passwords.enumerated() {
            for (text, name) in [
                ("N\(index)_PASSWORD=\(password)\n", ".env"), ("db:\n  password: '\(password)'\n", "config.yaml"),
                ("passwords:\n  nas: '\(password)'\n", "config.yaml"),
            ] { #expect(try harvest(text, name).contains(password), "\(password) in \(name)") }
            #expect(ConfigRedactor.isSecret(path: ["db", "passphrase"], value: password) || password.hasPrefix("${"))
        }
        for value in [
            "your-api-key-here", "your_api_key", "YOUR-OPENROUTER-KEY", "my_api_key", "my-secret-token", "changeme",
            "<token>",
            "<your key of 32 characters>", "sk-...", "sk-or-...f4a9", "...", "replace-me", "replace_with_your_key",
            "replaceme",
            "insert_key_here", "enter_password", "${NAME}", "${NAME:-}", "$(pass show x)", "{{ token }}",
            "put-your-key-here",
            "env:LAB_KEY", "vault:secret/data/lab#token", "${HOME}/token", "«redacted:password:0a1b2c3d»",
        ] {
            #expect(SecretValues.isPlaceholder(value), "\(value)")
            #expect(try harvest("A_PASSWORD=\(value)\n", ".env").isEmpty, "\(value)")
        }
        // Words that stand in any text, and what names say of a setting.
        for line in [
            "A_PASSWORD=sunshine", "A_PASSWORD=use-keyring", "A_PASSWORD=from-environment", "A_TOKEN=claude-sonnet",
            "A_SECRET_NAME=butterfly-lamp", "A_PASSWORD=my-dog", "A_PASSWORD=2026-11-30",
            "A_PASSWORD=2026-11-30-report", "A_PASSWORD=mail.garden.org", "A_PASSWORD=12345678", "A_PASSWORD=20261130",
            "A_TOKEN=48291736",
        ] { #expect(try harvest(line + "\n", ".env").isEmpty, "\(line)") }
    }

    @Test("Several assignments on a line, as a shell reads them")
    func assignmentsOnALine() throws {
        for line in [
            "export A=\(secret(1)); export B=\(secret(2))", "A='\(secret(1))' ;B=\"\(secret(2))\"",
            "A=\(secret(1)) && export B=\(secret(2)) # remark",
        ] {
            #expect(try harvest(line + "\nC=\(secret(3))\n", ".env") == [secret(1), secret(2), secret(3)], "\(line)")
            let template = String(decoding: DotenvTemplate(Array((line + "\n").utf8)).text, as: UTF8.self)
            #expect(template.contains("A=\n") && template.contains("B=\n"))
        }
        #expect(try harvest("A_PASSWORD=\"x; B=y 99\"\n", ".env").contains("x; B=y 99"))
    }

    @Test("The last line of a key that is wrapped without quotes is no name", arguments: ["=", "=="])
    func wrappedKeys(_ padding: String) throws {
        let tail = "c2VjcmV0IGtleX" + "MgaGF2ZSBlbmRz4F"
        let template = DotenvTemplate(Array("KEY=\(secret(1))\n\(tail)\(padding)\nPLAIN_NAME_2_OF_THEM=\n".utf8))
        let text = String(decoding: template.text, as: UTF8.self)
        #expect(!text.contains(tail) && text.contains("KEY=\n") && text.contains("PLAIN_NAME_2_OF_THEM="))
        #expect(template.names == ["KEY"])
    }

    @Test("JSON: keys at any depth, in all mode whatever looks random, public things never")
    func json() throws {
        let values = try harvest(
            #"{"a": {"client_secret": "Secr3tClientValue", "client_id": "852140061314-abc9def"}, "tokens": ["Tok3nInAList0000"], "port": 12345678,"#
                + #" "noise": {"private": {"data": "wb4V1l4g8dLGJbv8F1Dp0Nwv"}, "public": {"data": "aChfKY3kyDBEIKkusEslFFon"}}, "expires_at": "2026-01-01T00:00:00Z","#
                + #" "blob": "9szrJXaUclrxvoYk7pKq8fVW", "access_token": "J\u00e4ger/9Value\"x"}"#, "auth.json", .all)
        #expect(
            values.isSuperset(of: [
                "Secr3tClientValue", "Tok3nInAList0000", "wb4V1l4g8dLGJbv8F1Dp0Nwv", "9szrJXaUclrxvoYk7pKq8fVW",
                "Jäger/9Value\"x",
            ]))
        #expect(
            values.isDisjoint(with: [
                "852140061314-abc9def", "12345678", "aChfKY3kyDBEIKkusEslFFon", "2026-01-01T00:00:00Z",
            ]))
    }

    @Test("Parts of values: what follows Bearer, Basic's password, a bot's token, parameters")
    func parts() throws {
        // user:hunter2pass9
        let values = try harvest(
            """
            one_auth: Bearer Abc9defGhi0jkl
            two_auth: Basic dXNlcjpodW50ZXIycGFzczk=
            bot_token: 123456789:AAHTkQW4kBhtbSBwYvHhr1Oc
            dsn: Server=db;Password=Conn3ction;Database=x
            """, "config.yaml")
        #expect(
            values.isSuperset(of: ["Abc9defGhi0jkl", "hunter2pass9", "AAHTkQW4kBhtbSBwYvHhr1Oc", "Conn3ction"]),
            "\(values)")
    }

    @Test(
        "Values that are searched for, and those that would hit innocent text",
        arguments: [
            ("Kaffee#morgen7", true), ("correct-horse-9", true), ("abcdefghijklmnopqrst", true), ("12345678", false),
            ("123456789012", true),
            ("password", false), ("Telegram", false), ("localhost", false), ("short7", false),
            ("/usr/local/bin", false), ("~/secrets/key", false),
            ("https://example.org/a", false), ("2026-01-01", false), ("127.0.0.1:8080", false), ("xxxxxxxxxxxx", false),
            ("********", false),
            ("<your-token>", false), ("YOUR_API_KEY", false), ("${NAME}", false), ("claude-sonnet", false),
            ("6c1f9a52-3b7d-4a11-9e0f-0d2b8c7a6e55", true),
        ])
    func distinctive(_ value: String, _ expected: Bool) {
        #expect(SecretValues.isDistinctive(value) == expected)
    }

    @Test(
        "Names",
        arguments: [
            ("api_key", true), ("apiKey", true), ("API_SERVER_KEY", true), ("clientSecret", true), ("bot-token", true),
            ("SMTP_PASS", true), ("dbpassword", true),
            ("max_tokens", false), ("token_type", false), ("secret_name", false), ("key_file", false),
            ("password_policy", false), ("public_key", false),
            ("author", false), ("monkey_business", false), ("tokenizer", false), ("passenger", false),
            ("compass", false),
        ])
    func names(_ name: String, _ certain: Bool) {
        #expect((SecretNames.strength(of: name) == .certain) == certain)
    }
}
