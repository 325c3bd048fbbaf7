internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// What carries a secret in programs, scripts, settings and logs, both ways: maps, comparisons, wrappers, calls, addresses, lists of
/// bytes, printed lines, values that stand alone. `@@` stands for the secret, made anew for each case.
@Suite struct CarrierRuleTests {
    typealias Case = StructuralRuleTests.Case

    static let positives: [Case] = [
        // Maps and lists in the syntaxes of languages.
        Case("a.groovy", "def TOKENS = [\n  user1: '@@',\n  b: 'x'\n]\n"),
        Case("a.swift", "let passwords: [String: String] = [\"kim\": \"@@\"]\n", .typed),
        Case("a.php", "$passwords = ['kim' => '@@', 'lee' => env('X')];\n", .typed),
        Case("a.php", "$tokens = array(\n  'kim' => '@@',\n);\n"),
        Case("a.rb", "PASSWORDS = { kim: '@@' }\n", .typed),
        Case("a.py", "USER_PASSWORDS = dict(kim=\"@@\")\n", .typed),
        Case("a.go", "var passwords = map[string]string{\n\t\"kim\": \"@@\",\n}\n", .typed),
        Case("a.ts", "const secrets: Record<string, string> = { kim: '@@' };\n", .typed),
        Case("a.lua", "passwords = { [\"kim\"] = \"@@\" }\n", .typed),
        Case("consul.hcl", "acl {\n  tokens {\n    agent = \"@@\"\n  }\n}\n"),
        Case("a.java", "var passwords = Map.of(\"kim\", \"@@\");\n", .typed),
        Case("a.kt", "val passwords = mapOf(\"kim\" to \"@@\")\n", .typed),
        Case("a.rs", "let tokens = HashMap::from([(\"kim\", \"@@\")]);\n", .typed),
        Case("a.cs", "var passwords = new Dictionary<string, string> { { \"kim\", \"@@\" } };\n", .typed),
        Case("a.ps1", "$passwords = @{ kim = \"@@\" }\n", .typed),
        Case("a.yaml", "passwords:\n  kim: @@\n  lee: x\n", .typed),
        Case("a.go", "passwords[\"kim\"] = \"@@\"\n", .typed),
        Case("a.java", "passwords.put(\"kim\", \"@@\");\n", .typed),
        // Comparisons and copies.
        Case("a.py", "if \"@@\" == password:\n", .typed),
        Case("a.java", "if (\"@@\".equals(password)) {\n", .typed),
        Case("a.java", "if (password.equals(\"@@\")) {\n", .typed),
        Case("a.c", "if (strcmp(password, \"@@\") == 0)\n", .typed),
        Case("a.c", "strncpy(cfg.password, \"@@\", 32);\n", .typed),
        Case("a.c", "snprintf(password, 64, \"@@\");\n", .typed),
        Case("a.py", "ok = hmac.compare_digest(\"@@\", password)\n", .typed),
        Case("a.py", "return password in (\"@@\", other)\n", .typed),
        Case("a.swift", "defaults.set(\"@@\", forKey: \"password\")\n", .typed),
        // What wraps a string, gives it back, or has it on the next line.
        Case("a.py", "password = \"{}\".format(\"@@\")\n", .typed),
        Case("a.py", "password = \"\" + \"@@\"\n", .typed),
        Case("a.py", "password = Secret(\"@@\")\n", .typed),
        Case("a.rs", "let password = env::var(\"X\").unwrap_or_else(|_| \"@@\".into());\n", .typed),
        Case("a.rb", "password = ENV.fetch('X') { '@@' }\n", .typed),
        Case("a.ts", "password!: string = \"@@\";\n", .typed),
        Case("a.sql", "DECLARE @pwd NVARCHAR(50) = N'@@'\n", .typed),
        Case("a.java", "String getPassword() { return \"@@\"; }\n", .typed),
        Case("a.py", "def get_password():\n    return \"@@\"\n", .typed),
        Case("a.js", "const opts = { password: () => \"@@\" };\n", .typed),
        Case("a.js", "const password =\n  \"@@\";\n", .typed),
        Case("a.swift", "let pw = password ?? \"@@\"\n", .typed),
        Case("a.go", "flag.String(\"password\", \"@@\", \"what to log in with\")\n", .typed),
        Case("a.gradle", "resValue \"string\", \"api_key\", \"@@\"\n", .typed),
        Case("a.html", "<input value=\"@@\" name=\"password\">\n", .typed),
        Case("a.yaml", "- value: @@\n  name: DB_PASSWORD\n", .typed),
        Case("a.xml", "<password value=\"@@\"/>\n", .typed),
        // PowerShell and SQL.
        Case("a.ps1", "$p = ConvertTo-SecureString -AsPlainText -Force @@\n", .typed),
        Case("a.ps1", "\"@@\" | ConvertTo-SecureString -AsPlainText -Force\n", .typed),
        Case("a.ps1", "Set-Item -Path env:API_TOKEN -Value \"@@\"\n"),
        Case("a.sql", "ALTER USER kim IDENTIFIED BY @@;\n", .typed),
        Case("a.sql", "SET PASSWORD FOR 'kim'@'%' = '@@';\n", .typed),
        Case("a.sql", "EXEC sp_addlogin 'kim', '@@';\n", .typed),
        Case("a.sql", "CREATE SECRET x (TYPE s3, KEY_ID 'abc', SECRET '@@');\n", .typed),
        // Addresses.
        Case("a.java", "url = \"jdbc:oracle:thin:kim/@@@db.example.org:1521:ORCL\";\n", .typed),
        Case(".git-credentials", "https://kim@example.org:p!@@@git.example.org\n", .typed),
        Case("a.go", "sql.Open(\"mysql\", \"kim:@@@tcp(db:3306)/shop\")\n", .typed),
        Case("a.py", "plex = PlexServer(\"http://10.0.0.2:32400\", \"@@\")\n"),
        Case("a.py", "ci = Jenkins(\"https://ci.example.org\", \"kim\", \"@@\")\n", .typed),
        Case("a.txt", "https://dns.example.org/update.php?@@\n"),
        Case("a.md", "calendar: https://example.org/ical/@@.ics\n"),
        // Names.
        Case("a.md", "P/W: @@\n", .typed),
        Case("a.md", "pass word: @@\n", .typed),
        Case("a.md", "paasword: @@\n", .typed),
        Case("a.c", "char secrete[25] = \"@@\";\n", .typed),
        Case("a.toml", "api_hash = \"@@\"\n", .hex),
        Case("a.toml", "weather_api = \"@@\"\n"),
        Case("a.http", "X-Checkout-Key: @@\n", .hex),
        Case("a.md", "FacebookAppKeys: 294790898041573 / @@\n", .hex),
        Case("a.md", "the root password (`@@`) works\n", .typed),
        // Keys as bytes, and keys of chains.
        Case("a.js", "accounts: [\"0x@@@@\"],\n", .hex),
        Case("a.py", "client = OtherClient(\"@@\")\n", .hex),
        // What commands print, and what scripts send.
        Case("a.txt", "kim@host:~$ kubectl get secret x -o jsonpath={.data.y} | base64 -d\n@@\n"),
        Case("a.txt", "$ openssl rand -hex 16\n@@\n", .hex),
        Case("a.txt", "$ cat api_token\n@@\n"),
        Case("a.exp", "expect \"Password:\"\nsend \"@@\\r\"\n", .typed),
        Case("a.sh", "sed -i 's/@PASSWORD@/@@/' app.conf\n", .typed),
        // Lines of formats.
        Case("znc.conf", "Server = irc.example.org +6697 @@\n", .typed),
        Case("snmp.yml", "auths:\n  switch:\n    community: @@\n", .typed),
        Case("jaas.conf", "x LoginModule required\n  user_kim=\"@@\";\n", .typed),
        Case("user-data", "chpasswd:\n  list: |\n    kim:@@\n", .typed),
        Case("a.txt", "# mail\n@@\nuser: kim\nurl: https://example.org\n", .typed),
        Case("users", "kim:{plain}@@\n", .typed),
        Case("a.xml", "<admin passphrase> @@ </admin>\n", .typed),
        // Commands and calls that take a secret at a place of their own.
        Case("a.sh", "secretsdump.py dom/kim:@@@10.0.0.3\n", .typed),
        Case("a.sh", "winrs -r:h -u:kim -p:@@ ipconfig\n", .typed),
        Case("a.sh", "curl -u @@: https://api.example.org/v1/x\n"),
        Case("a.js", "client.bind('cn=admin,dc=x', '@@', cb)\n", .typed),
        Case("a.java", "s.login(\"h\", \"kim\", \"@@\")\n", .typed),
        Case("a.js", "await page.fill(\"input[type=password]\", \"@@\")\n", .typed),
        Case("a.rb", "attr :password, \"@@\"\n", .typed),
        Case("a.vbs", "ldaps://127.0.0.1 bind 'kim' pass '@@'\n", .typed),
        Case("a.php", "'crypt' => ['key' => '@@'],\n", .hex),
        // A vendor on the line, and nothing that says what the token is.
        Case("a.md", "| Finnhub | prod | @@ |\n", .hex),
        Case("a.md", "Finnhub - @@\n"),
        Case("a.md", "use @@ for Finnhub\n", .hex),
        Case("a.sh", "finnhub login @@\n", .hex),
        Case("a.py", "client = make(\"@@\")  # finnhub\n", .hex),
        Case("a.yaml", "finnhub:\n  api: @@\n", .hex),
        // Mails.
        Case("a.eml", "<p>Your API key: <code>@@</code></p>\n", .hex),
        Case("a.eml", "API key =3D @@\n", .hex),
        // What stands alone.
        Case(".env", "TZ=Europe/Berlin\nFEEDBIN=@@\n"),
        Case("a.sh", "CACHE=\"${CACHE:-@@}\"\n"),
        Case("a.txt", "here you go\n\n@@\n\nthanks\n"),
    ]

    @Test(arguments: positives) func findsSecrets(_ one: Case) throws {
        let detector = try TokenRuleTests.detector.get()
        var random = SeededGenerator(seed: 11)
        for _ in 0..<6 {
            let secret = StructuralRuleTests.secret(one.secret, &random)
            let found = try findings(one.text.replacing("@@", with: secret), detector, name: one.name)
            let wanted = one.text.contains("@@@@") ? secret + secret : secret
            #expect(found.contains { $0.hasSuffix(wanted) }, "in \(one.text) \(found)")
        }
    }

    @Test(arguments: [
        "PASSPHRASE=\"all along the watchtower\"\n", "export MASTER_PASSWORD=\"falcon otter harbor ember\"\n",
    ])
    func findsPhrases(_ text: String) throws {
        let phrase = String(text.split(separator: "\"")[1])
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: "env.sh") == [phrase])
    }

    @Test func findsKeysWrittenAsBytes() throws {
        let detector = try TokenRuleTests.detector.get()
        var random = SeededGenerator(seed: 3)
        let bytes = (0..<16).map { _ in Int.random(in: 0...255, using: &random) }
        let lines = bytes.map { "    - \($0)" }.joined(separator: "\n")
        let list = bytes.map(String.init).joined(separator: ", ")
        let pairs = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
        let texts = [
            ("configuration.yaml", "advanced:\n  network_key:\n\(lines)\n  channel: 11\n"),
            ("a.java", "byte[] key = new byte[] { \(list) };\n"), ("a.rs", "const SECRET_KEY: [u8; 16] = [\(list)];\n"),
            ("a.md", "LoRa AppKey: \(pairs)\n"),
        ]
        for (name, text) in texts { #expect(try findings(text, detector, name: name).count == 1, "\(text)") }
    }

    @Test(arguments: ["2FA Notfallcodes (je einmal gültig):", "códigos de respaldo:", "резервные коды", "备用代码"])
    func findsRecoveryCodesInOtherLanguages(_ heading: String) throws {
        var random = SeededGenerator(seed: 9)
        let codes = (0..<4).map { _ in StructuralRuleTests.secret(.hex, &random).prefix(10) + "7" }.map(String.init)
        let found = try findings(
            heading + "\n" + codes.joined(separator: ", ") + "\n", try TokenRuleTests.detector.get(), name: "a.md")
        #expect(found == codes)
    }

    static let negatives: [(name: String, text: String)] = [
        ("a.json", "{\"password\": \"enter your new password here\", \"pass_hint\": \"use eight letters or more\"}\n"),
        ("a.py", "password = \"must be at least eight characters long\"\n"),
        ("a.sql", "CREATE USER kim IDENTIFIED BY password;\nALTER USER kim IDENTIFIED BY &new_password;\n"),
        ("a.js", "const tokens = { comma: 'COMMA', open: 'OPEN_PAREN', h1: 'heading1' };\n"),
        ("a.css.js", "const tokens = { primary: '#ff00aa', radius: '4px', font: 'Inter2' };\n"),
        ("a.json", "{\"credentials\": {\"helper\": {\"name\": \"osxkeychain\", \"type\": \"file\"}}}\n"),
        ("a.py", "weather_api = \"https://api.example.org/v1\"\nusers_api = \"UsersApi2\"\n"),
        ("a.md", "https://example.org/app.js?3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8c https://example.org/a.css?ver=1234\n"),
        ("a.py", "fetch(\"https://example.org/x.tar.gz\", \"0123456789abcdef0123456789abcdef01234567\")\n"),
        ("a.py", "link(\"https://example.org\", \"An Example Page 2024\")\nclient = Client(\"europe-west1\")\n"),
        (".env", "SPREADSHEET_ID=1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgVE2upms\nCLASS=com.example.app.MainActivity\n"),
        (".env", "GIT_SHA=5d41402abc4b2a76b9719d911017c59233b1a2c4\nBUILD_ID=2024-03-04T10-33-22Z\n"),
        ("a.conf", "Server = mirror.example.org 8080 backup\nserver = time.example.org iburst\n"),
        ("a.txt", "kim@host:~$ echo $HOME\n/home/kim\nkim@host:~$ cat notes.txt\nShopping2024\n"),
        ("a.c", "if (strcmp(token, \"BEGIN_BLOCK\") == 0) strcpy(key, name);\nif (\"utf8\" == token.kind) {}\n"),
        ("a.py", "def get_token():\n    return \"access_token\"\nkey = lambda row: row[\"id\"]\n"),
        (
            "a.md",
            "```\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n4lgOEePzNm0tRgeLezV6ffAt0gunVTLw\n```\n"
        ),
        ("a.tsx", "<label password> Enter2 </label>\n<PasswordInput onChange={setPassword} value={password} />\n"),
        ("a.cpp", "template <typename PassT>\n  std::enable_if_t<is_detected<is_function_pass_t, PassT>::value>\n"),
        ("a.yaml", "keys: [48, 60, 64, 72]\ntokens:\n  access: 15m\n  refresh: 30d\n"),
        (
            "a.swift",
            "func passwords(for user: String) -> [String: String] { [:] }\nswitch token { case .open: x = 1 }\n"
        ),
        ("a.md", "| GitHub | main | 5d41402abc4b2a76b9719d911017c59233b1a2c4 |\nuse main for GitHub\n"),
        ("a.sh", "github clone kim/notes --depth 1\ncurl -u admin: https://example.org/\n"),
        ("a.py", "url = \"https://example.org/a/b/c-0.1.2.tar.gz\"  # github\n"),
        ("a.eml", "Token =3D none, and <b>password: <i>optional</i></b>\n"),
    ]

    @Test(arguments: negatives) func leavesOthers(_ one: (name: String, text: String)) throws {
        let found = try findings(one.text, try TokenRuleTests.detector.get(), name: one.name)
        #expect(found.isEmpty, "\(found)")
    }
}
