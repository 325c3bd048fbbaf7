internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// Secrets that their place gives away: labels of several fields, notes, verbs, lines of formats, calls, files of a known name.
@Suite struct PlaceRuleTests {
    typealias Case = StructuralRuleTests.Case

    static let positives: [Case] = [
        // Labels of several fields, and values in brackets.
        Case("notes.md", "ID/PW: kim/@@\n", .typed),
        Case("notes.md", "id/pw/port: kim/@@/8080\n", .typed),
        Case("notes.md", "ID PW kim @@\n", .typed),
        Case("notes.md", "IP/ID/PW 192.168.0.1/kim/@@\n", .typed),
        Case("notes.md", "아이디/PW: kim/@@\n", .typed),
        Case("notes.md", "ID/Password for the lab (kim/@@)\n", .typed),
        Case("notes.md", "10.1.2.3(pw:@@)\n", .typed),
        Case("notes.md", "비밀번호(@@)\n", .typed),
        Case("notes.md", "password(default:@@)\n", .typed),
        Case("notes.md", "password/prod: @@\n", .typed),
        // Hosts, addresses and topics with an account and its password after them.
        Case("MEMORY.md", "Paperless: http://10.0.0.3:8000 kim @@\n", .typed),
        Case("MEMORY.md", "nas.lan (kim/@@)\n", .typed),
        Case("MEMORY.md", "kim@nas.lan : @@\n", .typed),
        Case("MEMORY.md", "Router: admin @@ (change it!)\n", .typed),
        Case("MEMORY.md", "LUKS: @@\n", .typed),
        Case("MEMORY.md", "BIOS password @@\n", .typed),
        Case("MEMORY.md", "sudo pw on the lab box @@\n", .typed),
        Case("MEMORY.md", "Login to the printer's page: admin, @@\n", .typed),
        Case("MEMORY.md", "Credentials of the test shop are kim and @@.\n", .typed),
        Case("MEMORY.md", "🔑 @@\n", .typed),
        // Verbs and joints.
        Case("MEMORY.md", "His laptop unlocks with @@.\n", .typed),
        Case("MEMORY.md", "Password hasn't changed, still @@\n", .typed),
        Case("MEMORY.md", "@@ ist das Passwort für den NAS.\n", .typed),
        Case("MEMORY.md", "@@ (wifi password)\n", .typed),
        Case("MEMORY.md", "Cambié la contraseña a @@\n", .typed),
        Case("MEMORY.md", "wifi key is now @@\n", .typed),
        Case("MEMORY.md", "@@ unlocks the parcel box.\n", .pin),
        Case("s.jsonl", #"{"role":"user","content":"yeah the password's @@"}"#, .typed),
        // Names in other languages.
        Case("MEMORY.md", "账号kim，密码@@\n", .typed),
        Case("MEMORY.md", "كلمة المرور: @@\n", .typed),
        Case("MEMORY.md", "पासवर्ड @@ है\n", .typed),
        Case("MEMORY.md", "Mật khẩu wifi: @@\n", .typed),
        Case("MEMORY.md", "Пароль на роутере теперь @@\n", .typed),
        // Commands.
        Case("a.sh", "anytool -u kim -p @@ https://example.org\n", .typed),
        Case("a.sh", "passwd kim <<EOF\n@@\nEOF\n", .typed),
        Case("a.sh", "mc alias set nas http://nas:9000 kim @@; mc ls nas\n", .typed),
        Case("a.sh", "bw unlock @@\n", .typed),
        Case("msmtprc", "passwordeval \"echo @@\"\n", .typed),
        Case("compose.yml", "test: [\"CMD\", \"mysqladmin\", \"ping\", \"-p@@\"]\n", .typed),
        // Lines of formats.
        Case("users.acl", "user kim on +@read ~cache:* >@@\n", .typed),
        Case("upsmon.conf", "MONITOR ups@localhost 1 upsmon @@ primary\n", .typed),
        Case("resource.cfg", "$USER3$=@@\n", .typed),
        Case("consul.log", "SecretID:         @@\n", .uuid),
        Case("wlan.xml", "<keyMaterial>@@</keyMaterial>\n", .typed),
        Case("a.sql", "SELECT dblink_connect('host=db user=kim password=@@ dbname=x');\n", .typed),
        Case("a.log", "Config{host=db, user=kim, password=@@, pool=5}\n", .typed),
        Case(".env", "NAS_CREDENTIALS=kim:@@\n", .typed),
        Case("users.yaml", "basic_users:\n  kim: @@\n", .typed),
        Case("proxychains.conf", "socks5 10.0.0.1 1080 kim @@\n", .typed),
        // Code.
        Case("main.go", "dbPassword, dbUser := \"@@\", \"app\"\n", .typed),
        Case("a.kts", "val auth = mapOf(\"token\" to \"@@\")\n", .hex),
        Case("a.kts", "val t = System.getenv(\"API_TOKEN\") ?: \"@@\"\n", .hex),
        Case("a.java", "keyStore.load(in, \"@@\".toCharArray());\n", .typed),
        Case("a.py", "ssh.connect(\"host\", 22, \"kim\", \"@@\")\n", .typed),
        Case("a.ts", "await page.fill(\"#password\", \"@@\");\n", .typed),
        Case("a.tf", "variable \"PASSWORDS\" {\n  default = [\n    \"@@\"\n  ]\n}\n", .typed),
        // JSON and tables.
        Case("cookies.json", #"[{"domain":".example.org","value":"@@","name":"sessionid","httpOnly":true}]"#),
        Case("a.json", #"{"fields":[{"value":"@@","name":"password"}]}"#, .typed),
        Case("postman.json", #"{"apikey":[{"key":"value","value":"@@"}]}"#),
        Case(
            "a.html", "<table><tr><th>User</th><th>Password</th></tr>\n<tr><td>kim</td><td>@@</td></tr></table>\n",
            .typed),
        Case("a.adoc", "|===\n|User |Password\n\n|kim |@@\n|===\n", .typed),
        // Files of a known name.
        Case("secrets.yaml", "mqtt_user: kim\nnas_login: @@\n", .typed),
        Case("mail/work", "@@\nlogin: kim\nurl: https://example.org\n", .typed),
        Case("chap-secrets", "kim\tl2tpd\t\"@@\"\t*\n", .typed),
    ]

    @Test(arguments: positives) func findsTheSecretAndNothingElse(_ one: Case) throws {
        try one.expectNothingButTheSecret(seed: 5)
    }

    @Test func findsAGroupedAppPasswordInASentence() throws {
        let text = "the app password is rtiz tqki tmmf npwo for the mail account\n"
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: "a.md") == ["rtiz tqki tmmf npwo"])
    }

    @Test func findsAPasswordWhereItWasSaidWithoutItsName() throws {
        var random = SeededGenerator(seed: 7)
        let secret = StructuralRuleTests.secret(.typed, &random)
        let text = "{\"content\":\"try \(secret)\"}\n{\"content\":\"The admin password is now \(secret).\"}\n"
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: "s.jsonl") == [secret, secret])
    }

    static let negatives: [(String, String)] = [
        ("a.md", "ID/PW: see the wiki page\nusername/password auth is deprecated\nuser/pass login is off, use keys\n"),
        ("a.md", "192.168.0.1 master branch\nssh kim@10.0.0.4 uptime\n10.2.3.4 Chapter Local Area Network\n"),
        ("a.md", "xAI Grok OAuth (SuperGrok / Premium+) asks you to log in with PKCS#5 or IPv4+IPv6\n"),
        ("a.md", "NAS: DS920+\nRouter: FRITZ!Box\nVPS: debian-server01\nProxmox: pve-node02\n"),
        ("a.md", "The secret manager keeps it; the password lives in 1Password.\n"),
        (
            "a.md",
            "password: same as before\nPasswort: siehe Keepass\nthe reset link for the password was sent to kim@example.org\n"
        ),
        ("a.conf", "password = $$password\npassword_hash: argon2id\npassword_encryption = scram-sha-256\n"),
        ("a.md", "ftp://ftp.example.org/pub/x/y-2.4.tar.gz and https://user:pass@sub.example.com:8080/p/a?query=x\n"),
        (
            "a.py",
            "_unquote(password, encoding=\"utf-8\")\npassword = password.encode(\"latin1\")\n'\\\\<ww>': '\\U0001d534',\n"
        ),
        ("a.py", "model = provider(\"anthropic\") or \"claude-haiku-4-5-20251001\"\n"),
        ("a.html", "<tr><th>Name</th><th>Password</th></tr><tr><td>kim</td><td>required</td></tr>\n"),
        ("a.sh", "docker run -u kim -p 8080:80 nginx\npsql -U kim -p 5432\nmkdir -p /srv/app2/data\n"),
        ("a.md", "accounts/pub-9876543210987654 for the account; login_tty.3 and man2/pidfd_send_signal.2\n"),
        ("secrets.yaml", "mqtt_user: kim\nnas_host: nas01.lan\nlatitude: 50.7374\nwifi_ssid: Kiefer_5G\n"),
        ("users.yaml", "users:\n  kim: admin\n  anna: editor\n"),
    ]

    @Test(arguments: negatives) func leavesWhatIsNoSecret(_ name: String, _ text: String) throws {
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: name) == [])
    }
}
