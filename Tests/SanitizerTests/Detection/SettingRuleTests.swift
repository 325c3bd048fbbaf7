internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// Names that are set to values by place: rows of settings, arguments of calls, options and their defaults, forms of Lisp, elements
/// of markup.
@Suite struct SettingRuleTests {
    typealias Case = StructuralRuleTests.Case

    static let positives: [Case] = [
        // Rows of names and values in SQL.
        Case("a.sql", "UPDATE conf SET conf_value = '@@', n = 1 WHERE conf_key = 'smtp_password';\n", .word),
        Case("a.sql", "update `opts` set `val` = '@@' where `opt_name` = 'mailer_api_key';\n"),
        Case(
            "s.jsonl", #"{"content":"UPDATE s SET value = '@@' WHERE env = 'x' AND name = 'acme_token';\nSELECT 1;"}"#),
        Case("a.sql", "INSERT INTO conf (value, name) VALUES ('@@', 'ldap_bind_password');\n", .word),
        Case(
            "a.sql",
            "INSERT INTO conf (id, name, val, env) VALUES (1, 'title', 'Home', 'p'), (2, 'smtp_password', '@@', 'p');\n",
            .lower),
        Case("a.sql", "REPLACE INTO kv (name, value) VALUES ('oauth_client_secret', '@@');\n"),
        // Statements that set an account's password.
        Case("a.cypher", "ALTER USER kim SET PLAINTEXT PASSWORD '@@' CHANGE REQUIRED\n", .word),
        Case("a.cypher", "ALTER CURRENT USER SET PASSWORD FROM 'none' TO '@@'\n", .word),
        Case("a.sql", "ALTER ROLE kim LOGIN PASSWORD '@@';\n", .word),
        Case("a.sql", "create user kim identified by @@ default tablespace x;\n", .word),
        Case("a.sh", "mariadb-admin -u root -h db password @@\n", .word),
        Case("a.sh", "mysqladmin -u root password '@@'\n", .word),
        // Calls that set a name to a value.
        Case("a.c", "setenv(\"DB_PASSWORD\", \"@@\", 1);\n", .word),
        Case("a.ps1", "[Environment]::SetEnvironmentVariable('ACME_SECRET', '@@', 'Machine')\n", .lower),
        Case("a.py", "os.environ.setdefault(\"SMTP_PASSWORD\", \"@@\")\n", .word),
        Case("A.java", "System.setProperty(\"javax.net.ssl.keyStorePassword\", \"@@\");\n", .word),
        Case("a.php", "update_option('smtp_password', '@@', true);\n", .lower),
        Case("a.php", "define( 'ACME_APPLICATION_PASSWORD', '@@' );\n", .groups),
        Case("a.rs", "Command::new(\"psql\").env(\"PGPASSWORD\", \"@@\")\n", .word),
        Case("build.gradle", "buildConfigField(\"String\", \"API_PASSWORD\", \"\\\"@@\\\"\")\n", .lower),
        // Options and their defaults.
        Case("a.go", "pw := fs.String(\"db-password\", \"@@\", \"what for\")\n", .word),
        Case("a.go", "flag.StringVar(&pass, \"pass\", \"@@\", \"what for\")\n", .lower),
        Case("a.go", "cmd.Flags().StringVarP(&pw, \"password\", \"p\", \"@@\", \"what for\")\n", .word),
        Case("a.cc", "ABSL_FLAG(std::string, db_password, \"@@\", \"what for\");\n", .word),
        Case("a.py", "p.add_argument(\"--password\", type=str, help=\"what for\", default=\"@@\")\n", .word),
        Case("a.rs", ".arg(Arg::new(\"password\").long(\"password\").default_value(\"@@\"))\n", .word),
        Case("a.js", ".option(\"password\", { alias: \"p\", default: \"@@\" })\n", .word),
        // Builders.
        Case("a.rs", "Options::new().user(Some(\"kim\")).pass(Some(\"@@\"));\n", .lower),
        Case("A.java", "builder.username(\"kim\").password(\"@@\").build();\n", .word),
        Case("boot.py", "sta.connect(\"Home\", \"@@\")\n", .word),
        // Lisps and their like.
        Case("a.clj", "(def ^:private acme-token \"@@\")\n"),
        Case("a.el", "(setq my-irc-password \"@@\")\n", .word),
        Case("a.lisp", "(defparameter *api-token* \"@@\")\n"),
        Case("a.edn", "{:user \"kim\" :password \"@@\"}\n", .word),
        Case("a.scm", "((user \"kim\") (password \"@@\"))\n", .word),
        Case("a.el", "((\"user\" . \"kim\") (\"api-token\" . \"@@\"))\n"),
        Case("a.ex", "@api_token \"@@\"\n"),
        // Markup and cells.
        Case(
            "a.jmx",
            "<elementProp name=\"password\">\n <boolProp name=\"HTTPArgument.always_encode\">false</boolProp>\n <stringProp name=\"Argument.value\">@@</stringProp>\n</elementProp>\n",
            .word),
        Case("a.robot", "*** Variables ***\n${HOST}    nas\n${DB_PASSWORD} =    @@\n", .word),
        Case("a.robot", "    Input Password    id:pw    @@\n", .lower),
        Case("a.rst", "Log in as ``kim`` with the password ``@@``.\n", .lower),
        // Controls of forms.
        Case("a.vb", "If txtPassword.Text = \"@@\" Then\n", .word),
        Case("a.cs", "if (PasswordTextBox.Text == \"@@\")\n", .word),
        Case("A.java", "if (passwordField.getText().equals(\"@@\"))\n", .word),
        Case("a.js", "if (document.getElementById(\"password\").value !== \"@@\")\n", .word),
        // Logins by place, whose passwords are words.
        Case("a.py", "requests.get(u, auth=(\"kim\", \"@@\"))\n", .word),
        Case("a.cpp", "driver->connect(\"tcp://db:3306\", \"kim\", \"@@\");\n", .word),
        Case("a.pl", "DBI->connect(\"dbi:Pg:shop\", \"kim\", \"@@\")\n", .word),
        Case("a.py", "tn.read_until(b\"Password: \")\ntn.write(b\"@@\\n\")\n", .word),
        Case("a.bat", "net user kim @@ /add\n", .word),
        Case("a.sh", "useradd -p $(openssl passwd -6 @@) kim\n", .word),
        Case("secrets", "https://dav.example.org/remote kim @@\n", .lower),
        Case("sasl_passwd", "smtp.example.org kim@example.org:@@\n", .word),
        Case("chap-secrets", "# client server secret IP\nkim * @@ *\n", .lower),
        Case("a.rb", "fill_in 'Password', with: '@@'\n", .word),
        // Keys beside ciphers.
        Case("a.go", "key, err := hex.DecodeString(\"@@\")\nc, err := chacha20poly1305.New(key)\n", .hex),
        Case("a.py", "key = bytes.fromhex(\"@@\")\nc = AES.new(key, AES.MODE_GCM)\n", .hex),
        Case(
            "a.js", "const key = Buffer.from(\"@@\", \"hex\");\ncrypto.createDecipheriv(\"aes-128-cbc\", key, iv);\n",
            .hex),
        // Lines of other formats.
        Case("notes.md", "[mail.example.org]:587 kim@example.org:@@\n", .lower),
        Case("s.jsonl", ##"{"c":"# Netscape HTTP Cookie File\n.example.org\tTRUE\t/\tFALSE\t0\tauth_token\t@@\n"}"##),
        Case(
            "s.jsonl",
            #"{"a":"{\"c\":\"example.org\\tFALSE\\t/\\tTRUE\\t0\\tsessionid\\t@@\\n\"}"}"#, .hex),
        Case("a.js", "jwt: { algorithm: 'HS256', secret: 'walrus-@@-cactus', expiresIn: '7d' },\n", .word),
    ]

    @Test(arguments: positives) func findsTheSecret(_ one: Case) throws {
        let detector = try TokenRuleTests.detector.get()
        var random = SeededGenerator(seed: 21)
        for _ in 0..<8 {
            let secret = StructuralRuleTests.secret(one.secret, &random)
            let found = try findings(one.text.replacing("@@", with: secret), detector, name: one.name)
            #expect(found.count == 1 && found[0].contains(secret), "in \(one.text): \(found)")
        }
    }

    static let negatives: [(String, String)] = [
        (
            "a.sql",
            "UPDATE s SET value = 'dark' WHERE name = 'theme';\nUPDATE s SET value = '8' WHERE name = 'password_min_length';\n"
        ),
        ("a.sql", "INSERT INTO conf (name, value) VALUES ('password_policy', 'strict-2019'), ('theme', 'dark');\n"),
        ("a.sql", "CREATE USER kim IDENTIFIED EXTERNALLY;\nALTER USER kim PASSWORD EXPIRE;\n"),
        ("a.md", "Users are identified by name; the role is identified by token.\n"),
        ("a.clj", "(defn token [x] \"what it does\")\n(def token-type \"bearer\")\n"),
        (
            "a.go",
            "flag.String(\"password\", \"\", \"the password\")\nflag.String(\"password-file\", \"/run/secrets/pw\", \"x\")\n"
        ),
        ("a.py", "p.add_argument(\"--password\", default=\"\", help=\"the password to use\")\n"),
        ("a.java", "System.setProperty(\"password\", password);\nmessages.put(\"password\", \"Passwort\");\n"),
        ("a.vb", "If txtPassword.Text = \"\" Then\nlblPassword.Text = \"Password:\"\n"),
        ("a.cs", "passwordBox.Text = password;\npasswordBox.Text = \"Enter\";\n"),
        ("a.robot", "*** Keywords ***\nLog In\n    ${password}    Get Password\n    ${token}    Create Token    kim\n"),
        (
            "a.jmx",
            "<elementProp name=\"password\"><stringProp name=\"Argument.value\">${pw}</stringProp></elementProp>\n"
        ),
        ("a.go", "sum, _ := hex.DecodeString(\"d131dd02c5e6eec4693d9a0698aff95c\")\nif !bytes.Equal(got, sum) {}\n"),
        ("a.rst", "Set ``password`` to ``None``, and the token as ``token``.\n"),
        ("a.py", "tn.read_until(b\"Password: \")\ntn.write(pw)\ntn.write(b\"terminal length\\n\")\n"),
        ("a.py", "requests.get(u, auth=(\"user\", \"password\"))\n"),
        ("a.sh", "openssl passwd -6 -stdin\nopenssl passwd -1 $PASSWORD\n"),
        // Results, references, locked accounts, coordinates of packages, templates.
        ("ci.txt", "pass: 4711, fail: 2, skipped: 0\n"),
        ("a.json", "{\"pass\": 4711, \"fail\": 0}\n"),
        (
            "r.md",
            "| case | result | ms |\n|---|---|---|\n| reset_password | pass | 1042 |\n| api_key_missing | pass | 88 |\n"
        ),
        ("v.yml", "x: \"{{ lookup('hashi_vault', 'secret=kv/data/mail:password') }}\"\n"),
        ("a.md", "export TOKEN=sk-or-v1-<key>\nKEY=glpat-{token}\n"),
        ("a.md", "bin:!:18000:0:99999:7:::\nnobody:*:18000:0:99999:7:::\n"),
        ("pom.xml", "<groupId>io.jsonwebtoken</groupId>\n<artifactId>jjwt-impl</artifactId>\n"),
        ("a.yaml", "data:\n  password: {{ .Values.auth.password | b64enc | quote }}\n"),
        ("a.js", "f({bearerToken:``,command:``,args:``,secret:``})\n"),
    ]

    @Test(arguments: negatives) func leavesTheRest(_ name: String, _ text: String) throws {
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: name) == [])
    }

    /// Sentences that say to what a password was changed, and what it is in other languages.
    static let told: [Case] = [
        Case("m.txt", "I changed your password to @@. Tell me if it works.\n", .word),
        Case("m.txt", "We have reset the password to @@, please change it.\n", .word),
        Case("m.txt", "Ich habe dein Passwort auf @@ geändert.\n", .word),
        Case("m.txt", "He cambiado la contraseña a @@.\n", .word),
        Case("m.txt", "Mudei a senha para @@\n", .word),
        Case("m.txt", "Lösenordet till routern är @@.\n", .word),
        Case("m.txt", "Adgangskoden til routeren er @@\n", .lower),
        Case("m.txt", "Salasana reitittimeen on @@.\n", .lower),
        Case("m.txt", "Hasło do routera to @@.\n", .lower),
    ]

    @Test(arguments: told) func findsToldPasswords(_ one: Case) throws { try one.expectNothingButTheSecret(seed: 22) }

    @Test(arguments: [
        "I changed your password to something stronger.", "He reset the password to default.",
        "I reset your password to continue.", "You can change the password to anything.",
        "We set the password to expire.", "Lösenordet är obligatoriskt.", "Das Passwort, das er benutzt, ist alt.",
        "I changed the password to the new one.",
    ]) func leavesWordsOfSentences(_ text: String) throws {
        #expect(try findings(text + "\n", try TokenRuleTests.detector.get(), name: "m.txt") == [])
    }
}
