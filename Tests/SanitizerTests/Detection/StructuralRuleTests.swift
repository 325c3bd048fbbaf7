internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// Each syntax with its secrets, and with what only looks like one. `@@` in a text stands for the secret, made anew for each case.
@Suite struct StructuralRuleTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var secret = Kind.random
        enum Kind: Sendable { case random, typed, pin, hex, base64, words, uuid, word, lower, groups }
        var testDescription: String { "\(name): \(text.prefix(60))" }
        init(_ name: String, _ text: String, _ secret: Kind = .random) {
            self.name = name
            self.text = text
            self.secret = secret
        }

        /// Each of eight secrets is found, whole, and nothing beside it.
        func expectNothingButTheSecret(seed: UInt64) throws {
            let detector = try TokenRuleTests.detector.get()
            var random = SeededGenerator(seed: seed)
            for _ in 0..<8 {
                let secret = StructuralRuleTests.secret(secret, &random)
                let text = text.replacing("@@", with: secret)
                #expect(try findings(text, detector, name: name) == [secret], "in \(text)")
            }
        }
    }

    static func secret(_ kind: Case.Kind, _ random: inout SeededGenerator) -> String {
        func draw(_ set: String, _ count: Int) -> String {
            let members = TokenTemplate.members(of: set)
            return String((0..<count).map { _ in members.randomElement(using: &random)! })
        }
        return switch kind {
        case .random: draw("a-z", 1) + draw("A-Z", 2) + draw("0-9", 3) + draw("A-Za-z0-9", 26)
        case .typed:
            ["Kaffee", "Sommer", "Dragon"].randomElement(using: &random)! + "#" + draw("0-9", 3) + "!" + draw("a-z", 2)
        case .pin: draw("1-9", 2) + draw("0-9", 2)
        case .hex: draw("0-9a-f", 32)
        case .base64: draw("A-Za-z0-9", 40) + "=="
        case .uuid: "6b1c4fd1-2d1e-4a57-bd1f-" + draw("0-9a-f", 12)
        // What people choose: letters that can be spoken; the same with digits and no capital; groups as WordPress draws them.
        case .word: (0..<4).map { _ in draw("bdfgklmnprtvz", 1) + draw("aeiou", 1) }.joined() + draw("bdfgklmnprt", 1)
        case .lower: draw("a-z", 5) + draw("0-9", 2) + draw("a-z", 4) + draw("0-9", 1) + draw("a-z", 3)
        case .groups:
            (0..<6).map { draw("A-Z", 1) + draw("0-9", 1) + draw("a-z", 2) + ($0 < 5 ? " " : "") }.joined()
        case .words: "apfel-" + draw("a-z", 6) + "-" + draw("a-z", 7)
        }
    }

    static let positives: [Case] = [
        // Cells with line breaks, before the secret and in the row before it.
        Case(
            "bw.csv",
            "folder,favorite,type,name,notes,fields,reprompt,login_uri,login_username,login_password,login_totp\n,,login,Bank,\"hello\nPIN\",,0,https://b.example.org,u,@@,\n",
            .typed),
        Case(
            "logins.csv",
            "name,url,username,password,note\nA,https://a.example.org,kim,,\"first\nsecond, \"\"third\"\"\n\"\nB,https://b.example.org,kim,@@,\n",
            .typed),
        Case("config.yaml", "providers:\n  x:\n    api_key: @@\n    model: y\n"),
        Case("config.yaml", "db:\n  password: @@ # the old one\n", .typed),
        Case("config.yaml", "vision: {provider: custom, api_key: '@@', n: 1}\n", .hex),
        Case("config.yaml", "tokens:\n  - @@\n  - other\n"),
        Case("config.yaml", "password: |\n  @@\nnext: 1\n", .typed),
        Case("config.yaml", "env:\n  - name: ADMIN_PASSWORD\n    value: @@\n  - name: MODE\n    value: fast\n", .typed),
        Case("a.json", #"{"auth": {"refresh_token": "@@", "n": 1}}"#),
        Case("a.jsonl", #"{"role":"tool","content":"{\n  \"api_key\": \"@@\",\n  \"region\": \"eu\"\n}\n"}"#),
        Case("a.jsonl", #"{"a":"{\"b\":\"{\\\"client_secret\\\":\\\"@@\\\"}\"}"}"#),
        Case("a.jsonl", #"{"content":"db:\n  user: app\n  password: @@\n"}"#, .typed),
        Case("a.json", #"{"env": [{"name": "DB_PASSWORD", "value": "@@"}]}"#, .typed),
        Case("a.toml", "[server]\napi_key = \"@@\"\n"),
        Case(".env", "SUDO_PASSWORD='@@'\nLOG=info\n", .typed),
        Case(".env", "# API_SERVER_KEY=@@\n"),
        Case("a.properties", "spring.datasource.password=@@\n", .typed),
        Case("a.sh", "export SERVICE_TOKEN=@@ && run\n"),
        Case("a.sh", "PGPASSWORD=@@ psql -h db\n", .typed),
        Case("notes.md", "mysql -u root -p@@ -e 'select 1'\n", .typed),
        Case("notes.md", "curl -u kim:@@ https://example.org/\n", .typed),
        Case("notes.md", "curl -X POST \\\n  -u kim:@@ \\\n  https://example.org/\n", .typed),
        Case("notes.md", "sshpass -p '@@' ssh kim@host\n", .typed),
        Case("notes.md", "docker login -u kim -p @@ registry.example.org\n", .typed),
        Case("notes.md", "redis-cli -a @@ ping\n", .typed),
        Case("notes.md", "openssl enc -pass pass:@@ -in a\n", .typed),
        Case("notes.md", "ldapsearch -x -D cn=admin -w @@ -b dc=x\n", .typed),
        Case("notes.md", "smbclient //nas/share -U kim%@@\n", .typed),
        Case("notes.md", "tool login --token @@ --quiet\n"),
        Case("a.log", "headers {'Authorization': 'Bearer @@', 'Accept': '*/*'}\n"),
        Case("a.log", "> X-Api-Key: @@\n"),
        Case("a.log", "> Cookie: theme=dark; session_id=@@; lang=de\n"),
        Case("a.log", "< Set-Cookie: auth=@@; Path=/; HttpOnly\n"),
        Case("a.log", "GET https://api.example.org/v1?city=Berlin&appid=@@&units=si HTTP/1.1\n", .hex),
        Case(".netrc", "machine api.example.org\n  login me@example.org\n  password @@\n", .typed),
        Case(".pgpass", "db.example.org:5432:app:kim:@@\n", .typed),
        Case(".npmrc", "//registry.example.org/:_authToken=@@\n"),
        Case("notes.md", "connect with `smtp://kim:@@@mail.example.org:587` please\n", .typed),
        Case("a.yaml", "url: redis://:@@@cache:6379/0\n", .random),
        Case("a.cs", "var c = \"Server=db;User Id=app;Password=@@;Encrypt=true\";\n", .typed),
        Case("a.xml", "<config><apiKey>@@</apiKey></config>\n"),
        Case("a.xml", "<add key=\"MailPassword\" value=\"@@\"/>\n", .typed),
        Case("a.plist", "<key>Password</key>\n<string>@@</string>\n", .typed),
        Case("a.sql", "CREATE USER app IDENTIFIED BY '@@';\n", .typed),
        Case("a.py", "client = Weather(api_key='@@', units='metric')\n"),
        Case("a.py", "password: str = \"@@\"\n", .typed),
        Case("a.js", "const key = process.env.API_KEY || '@@';\n"),
        Case("a.py", "token = os.getenv('API_TOKEN', '@@')\n"),
        Case("logins.csv", "site,username,password\nexample.org,kim,@@\n", .typed),
        Case("notes.md", "| site | user | password |\n|---|---|---|\n| example.org | kim | @@ |\n", .typed),
        Case("MEMORY.md", "- The guest wifi password is @@\n", .typed),
        Case("MEMORY.md", "- The guest wifi password is @@.\n", .words),
        Case("MEMORY.md", "Das Passwort für den Router lautet @@\n", .typed),
        Case("MEMORY.md", "Contraseña: @@\n", .typed),
        Case("MEMORY.md", "пароль: @@\n", .typed),
        Case("MEMORY.md", "密码：@@\n", .typed),
        Case("MEMORY.md", "Mot de passe : @@\n", .typed),
        Case("MEMORY.md", "PIN: @@\n", .pin),
        Case("MEMORY.md", "use @@ as the password for the NAS\n", .typed),
        Case("MEMORY.md", "login: kim / @@\n", .typed),
        Case("MEMORY.md", "**Password:** `@@`\n", .typed),
        Case("a.diff", "-    \"password\": \"@@\",\n+    \"password\": \"${PASSWORD}\",\n", .typed),
        Case("a.json", "{\"auths\": {\"https://index.docker.io/v1/\": {\"auth\": \"@@\"}}}", .base64),
        Case("a.ps1", "$env:SERVICE_TOKEN = \"@@\"\n"),
        Case("Dockerfile", "FROM x\nENV DB_PASSWORD @@\n", .typed),
        Case("a.sh", "echo '@@' | sudo -S apt update\n", .typed),
        Case("a.sh", "echo \"@@\" | docker login -u kim --password-stdin\n", .typed),
        Case("a.sh", "echo \"kim:@@\" | chpasswd\n", .typed),
        Case("a.sh", "echo @@ > ~/.vault_pass\n", .typed),
        Case("a.sh", "gh auth login --with-token <<< @@\n"),
        Case("a.sh", "lftp -u kim,@@ sftp://example.org\n", .typed),
        Case("a.bat", "net use Z: \\\\srv\\share /user:kim @@\n", .typed),
        Case("a.ps1", "ConvertTo-SecureString \"@@\" -AsPlainText -Force\n", .typed),
        Case("a.py", "smtp.login('kim@example.org', '@@')\n", .typed),
        Case("a.py", "requests.get(url, auth=HTTPBasicAuth('kim', '@@'))\n", .typed),
        Case("a.java", "DriverManager.getConnection(\"jdbc:mysql://db/x\", \"kim\", \"@@\")\n", .typed),
        Case("a.php", "$pdo = new PDO($dsn, 'kim', '@@');\n", .typed),
        Case("a.sql", "INSERT INTO users (id, name, password) VALUES (1, 'kim', '@@');\n", .typed),
        Case("irc.log", "/msg NickServ IDENTIFY kim @@\n", .typed),
        Case("imap.log", "a1 LOGIN kim@example.org @@\n", .typed),
        Case("redis.log", "AUTH default @@\n", .typed),
        Case("MEMORY.md", "The alarm code is @@.\n", .pin),
        Case("MEMORY.md", "Netflix: kim@example.org / @@\n", .typed),
        Case("combo.txt", "kim@example.org:@@\n", .typed),
        Case("MEMORY.md", "WiFi \"HomeNet\" -> @@\n", .typed),
        Case("signify.sec", "untrusted comment: signify secret key\n@@\n", .base64),
        Case("unattend.xml", "<AdministratorPassword><Value>@@</Value></AdministratorPassword>\n", .typed),
        Case("x.har", "{\"name\":\"set-cookie\",\"value\":\"session=@@; Path=/\"}"),
        Case("s.jsonl", #"{"content":"| site | password |\n|---|---|\n| x.org | @@ |\n"}"#, .typed),
        Case("MEMORY.md", "My OpenWeather key is @@\n", .hex),
        Case("a.env", "export BW_SESSION=\"@@\"\n", .base64),
        Case("a.log", "redirect=%2Flogin%3Fpassword%3D@@%26user%3Dkim\n"),
        Case("a.cs", "public string ApiToken { get; init; } = \"@@\";\n"),
        Case("a.rs", "const API_KEY: &str = \"@@\";\n"),
        Case("a.r", "password <- \"@@\"\n", .typed),
        Case("a.c", "static const char api_key[] = \"@@\";\n"),
        Case("a.tf", "variable \"db_password\" {\n  type = string\n  default = \"@@\"\n}\n", .typed),
        Case("a.kt", "buildConfigField(\"String\", \"MAIL_SECRET\", \"\\\"@@\\\"\")\n"),
        Case("a.ts", "await page.getByLabel('Password').fill('@@');\n", .typed),
        Case("a.java", "String u = \"jdbc:sqlserver://db;user=app;password=@@;encrypt=false\";\n", .typed),
        Case("switch.cfg", "snmp-server community @@ RW\n", .typed),
        Case("switch.cfg", "radius-server host 10.0.0.9 auth-port 1812 key @@\n", .typed),
        Case("secret.yaml", "apiVersion: v1\nkind: Secret\nstringData:\n  note: @@\n", .typed),
        Case("config/master.key", "@@\n", .hex),
        Case("token.txt", "@@\n"),
        Case("logins.csv", "service,name,value\nJenkins,api_token,@@\n", .hex),
        Case("accounts.txt", "HOST      USER    PASS\natlas     root    @@\n", .typed),
        Case("keys.ini", "[api-keys]\nweather = @@\n", .hex),
        Case("livekit.yaml", "keys:\n  devkey: @@\n"),
        Case("seed.sql", "INSERT INTO settings (name, value) VALUES ('mail_api_key', '@@');\n", .hex),
        Case("dump.sql", "COPY clients (id, api_secret) FROM stdin;\n1\t@@\n\\.\n", .hex),
        Case("x.har", "\"cookies\": [{\"name\": \"session\", \"value\": \"@@\"}]"),
        Case("slapd.ldif", "userPassword:: @@\n", .base64),
        Case("home.org", "- password :: @@\n", .typed),
        Case("trace.md", "Command '['sshpass', '-p', '@@', 'ssh', 'kim@host']' returned 5\n", .typed),
        Case("a.sh", "sqlplus kim/@@@db\n", .typed),
        Case("a.bat", "schtasks /create /tn b /ru kim /rp @@\n", .typed),
        Case("MEMORY.md", "The NAS admin login is kim / @@\n", .typed),
        Case("MEMORY.md", "When posting, log in as editor with @@ please.\n", .typed),
        Case("MEMORY.md", "# Proxmox root password\n\n@@\n", .typed),
        Case("MEMORY.md", "Der Code für die Haustür ist @@.\n", .pin),
        Case("MEMORY.md", "Code du portail : @@\n", .pin),
        Case("MEMORY.md", "use this key\n\n@@\n\nfor the weather\n", .hex),
        Case("MEMORY.md", "@@ is the master password\n", .typed),
        Case("MEMORY.md", "パスワードは@@です。\n", .typed),
        Case("MEMORY.md", "密码为@@，请勿外传。\n", .typed),
        Case("s.jsonl", #"{"content":"API-Schl\u00fcssel: @@"}"#),
        Case(
            "s.jsonl",
            "{\"content\":\"What is the wifi password?\"}\n{\"content\":\"it's @@\"}\n", .typed),
        Case("s.jsonl", #"{"arguments":"{\"element\": \"Password field\", \"text\": \"@@\"}"}"#, .typed),
        Case("cookies.txt", ".example.org\tTRUE\t/\tTRUE\t1893456000\tsessionid\t@@\n"),
    ]

    @Test(arguments: positives) func findsTheSecretAndNothingElse(_ one: Case) throws {
        try one.expectNothingButTheSecret(seed: 3)
    }

    /// `@@` and `%%` stand for the secret's first and its last part.
    @Test(arguments: [
        "password: \"@@\n    %%\"\nnext: \"plain\"\n", "password: '@@\n\n  %%'\nnext: 'plain'\n",
        "db:\n  password: @@\n    %%\n  next: plain\n", "password: \"@@\\\n  %%\"\nnext: plain\n",
        "password: >-\n  @@\n  %%\nnext: plain\n", "password: |\n  @@\n  %%\nnext: plain\n",
    ])
    func aScalarOfYAMLIsASecretToItsEnd(_ template: String) throws {
        var random = SeededGenerator(seed: 11)
        let (first, last) = (Self.secret(.typed, &random), "and the rest of it")
        let text = template.replacing("@@", with: first).replacing("%%", with: last)
        var rest = text
        for found in try findings(text, try TokenRuleTests.detector.get(), name: "a.yaml") {
            rest = rest.replacing(found, with: "")
        }
        #expect(!rest.contains(first) && !rest.contains("rest of it") && rest.contains("plain"), "\(rest)")
    }

    static let negatives: [(String, String)] = [
        (
            "a.py",
            "names = ['EXPASS', 'compassRead', 'password_hash', 'token2str', 'x8bit']\npw = keyring.get_password(\"imap2\", user)\n"
        ),
        (
            "a.md",
            "Pass `stop_signals=None` to it; each pass uses 2level. model: claude-opus-4-7-20250507, hmac-sha1-96\n"
        ),
        (
            "a.json",
            "{\"content\": \"how do I reset my password on the nas?\", \"timestamp\": \"2026-05-04T16:00:39\"}\n"
        ),
        (
            "infra.md",
            "secret: arn:aws:secretsmanager:eu-west-1:614630838620:secret:prod/api-Re6JDU\nimage registry/auth-token:1b763f1\n"
        ),
        ("fr.yml", "password: Mot de passe\nclient_secret: Secret du client\n"),
        ("schema.graphql", "login(email: String!, password: String!): AuthPayload!\n"),
        ("theme.py", "Token: '#d0d0d0',\nkey: rsa.RSAPrivateKey | rsa.RSAPublicKey,\n"),
        ("MEMORY.md", "Exit code 1234. The door code changed in 2024. Error code 4711 at the gate of 12.\n"),
        (
            "config.yaml",
            "api_key: ${OPENAI_API_KEY}\napi_key: $OPENAI_API_KEY\napi_key: \"{api_key}\"\napi_key: {{ api_key }}\n"
        ),
        (
            "config.yaml",
            "api_key: env:OPENAI_API_KEY\nkey_file: ~/.ssh/id_ed25519\ntoken_type: Bearer\nmax_tokens: 4096\n"
        ),
        ("config.yaml", "api_key: ${HERMES_OPS_PROVIDERS_X_API_KEY}\npassword: «redacted:password:0a1b2c3d»\n"),
        (
            "config.yaml",
            "password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6638\nsecret: ENC[AES256_GCM,data:abc=,iv:x=]\n"
        ),
        (".env.example", "OPENAI_API_KEY=YOUR_API_KEY\nDB_PASSWORD=changeme\nTOKEN=<token>\nSECRET=\nKEY=***\n"),
        (
            "a.py",
            "password = getpass()\nself.token = token\napi_key = os.environ[\"OPENAI_API_KEY\"]\ndef f(token: str, key: bytes): pass\n"
        ),
        (
            "a.ts",
            "const token = await login(user.password)\nsetPassword(input.value)\nexport function isKey(key: unknown) {}\n"
        ),
        (
            "notes.md",
            "Never print passwords or tokens. The password lives in 1Password; key insight: caching matters.\n"
        ),
        ("notes.md", "Set your API key with `export OPENAI_API_KEY=<your key>`; the token expires after 30 days.\n"),
        (
            "a.log",
            "session=agent:main:discord:131861354439764546 turn=0 tokens=5600 request_id=req_2EAgXBjaU6IEjVHZn037PLqK\n"
        ),
        (
            "a.json",
            "{\"id\":\"msg_01cNdyROb42UHs0ALeFk2nas\",\"session_id\":\"20260301_126436_6286b6\",\"prompt_tokens\":61548}"
        ),
        (
            "a.json",
            "{\"uuid\":\"e7e9f6d6-2c39-40be-9d4b-40a5887d56e4\",\"hash\":\"e53ea81cdef0458e5f04d1012e08d840168e51250ee24695\"}"
        ),
        ("a.json", "{\"LABEL_PASSWORD\": \"Passwort\", \"INVALID_PASSWORD_LENGTH\": \"The password is too short.\"}"),
        (
            "package-lock.json",
            "\"integrity\": \"sha512-QqV1RjCjRxapRpOGFf3IYq92oGXXT2rUJc3QN8GfymZP9qwa0YnCHVBiMQvzSDL646CofxtFnOvXDQrq1aF4g==\""
        ),
        (
            "notes.md",
            "https://docs.example.org/auth/tokens?version=3#api-keys git@github.com:kim/dots.git postgres://localhost:5432/app\n"
        ),
        (
            "notes.md",
            "commit 10ad7384767c742cd0129ab980af3094d821c087\n\n    fix token refresh and key handling (4b1b9d9)\n"
        ),
        ("k.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0X2nF0cOvlS6gN8x1a9t3oK0y2Xz5q7w8e9r0t1y2u kim@laptop\n"),
        (
            "notes.md",
            "Error code 1234, zip code 90210, status code 404; the door code is in the vault. A / B testing. kim@example.org: call back\n"
        ),
        (
            "a.py",
            "smtp.login(user, password)\nauth=(user, pw)\nimap.login(os.environ[\"U\"], os.environ[\"P\"])\nsession.login('kim', password)\n"
        ),
        (
            "a.sh",
            "echo hello | sudo tee /etc/motd\necho \"$PW\" | sudo -S true\necho done > /tmp/log\ncat <<< \"text 123\"\n"
        ),
        (
            "a.log",
            "INFO gateway.telegram: chat=-1001234567890 token usage=42\nPASS test_login_2\na1 LOGIN ok\nexit code 130 https://example.org/cb?code=200&state=ok\n"
        ),
        ("a.sql", "INSERT INTO posts (id, title, author) VALUES (1, 'Hello w0rld!', 'kim');\n"),
        (
            "notes.md",
            "mysql -u root -p -e 'show tables'\ncurl -u \"$USER:$PASS\" https://example.org\ntool --password-file /run/secrets/x\n"
        ),
    ]

    @Test(arguments: negatives) func leavesWhatIsNoSecret(_ name: String, _ text: String) throws {
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: name) == [])
    }
}
