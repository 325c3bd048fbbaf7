internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// Names of vendors and of keys with their values, both ways. `@@` in a text stands for the secret, made anew for each case; a text that
/// holds it twice must lose both.
@Suite struct KeyedRuleTests {
    typealias Case = StructuralRuleTests.Case

    static let positives: [Case] = [
        // Operators that set what is not set.
        Case("notes.md", "$mailgunToken ??= \"@@\"\n"),
        Case("index.php", "<?php\n$options['token'] ??= '@@';\n"),
        // Tokens among a few words of an element.
        Case("config.xml", "<cred>\n  <id>{datadog}</id>\n  <secret>{datadog AQAAABAAA @@}</secret>\n</cred>\n", .hex),
        // What was found stands again.
        Case("notes.md", "mailgun token = '@@' | '@@'\n"),
        Case("run.log", "mailgun_api_key: @@\nsending with @@ as user api\n", .hex),
        // A service that no list names, its key run together.
        Case("notes.md", "quuxlabkey: @@ and nothing else\n"),
        // Vendors, and the half of their logins that is shown.
        Case("notes.md", "truenas = '@@'\n"),
        Case("a.go", "client := gettefter(\"@@\")\n"),
        Case(".env", "SPOTIFY_CLIENT_ID=@@\n", .hex),
        Case("web.config", "<add key=\"x\" validationKey=\"@@\" />\n", .hex),
        // The value that holds when a setting is missing.
        Case("app.py", "SECRET_KEY = env(\"SECRET_KEY\", default=\"@@\")\n"),
        Case("app.py", "PASSWORD = os.environ.get(\"PASSWORD\") or \"@@\"\n", .typed),
        Case("app.py", "token: str = Field(default=\"@@\")\n"),
        Case("main.go", "secret := getenv(\"X_MODE\", \"@@\")\n"),
        Case("db.php", "$password = getenv('DB_PASSWORD') ?: '@@';\n", .typed),
        // Connection strings: the last pair too, and the account.
        Case("notes.txt", "Data Source=db1;User Id=kim_app;Password=@@;\n", .typed),
        Case("a.ps1", "$c = [Net.NetworkCredential]::new(\"kim\", \"@@\")\n", .typed),
    ]

    @Test(arguments: positives) func findsSecrets(_ example: Case) throws {
        let detector = try TokenRuleTests.detector.get()
        var random = SeededGenerator(seed: 5)
        for _ in 0..<8 {
            let secret = StructuralRuleTests.secret(example.secret, &random)
            let found = try findings(
                example.text.replacing("@@", with: secret), detector, name: example.name)
            let planted = example.text.ranges(of: "@@").count
            #expect(found.count { $0 == secret } == planted, "\(example.text) \(found)")
        }
    }

    static let negatives: [(name: String, text: String)] = [
        ("src/app.ts", "this.token ??= makeToken();\nopts.apiKey ??= process.env.API_KEY;\npassword ??= \"\";\n"),
        ("notes.md", "Datadog_sha256: 5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592\n"),
        ("c.yaml", "jenkins:\n  commit: 5d41402abc4b2a76b9719d911017c59233b1a2c4\n  version: 2\n"),
        ("c.yaml", "wordpress:\n  checksum: 5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592\n"),
        (".env", "SENTRY_RELEASE=5d41402abc4b2a76b9719d911017c59233b1a2c4\nDISCORD_CLIENT_ID=218035443131109406\n"),
        (".env", "SPOTIFY_CLIENT_ID=your-client-id-here\nGITHUB_APP_ID=412345\n"),
        ("events.jsonl", "{\"tool\":\"sendgrid took batch 01HZX3Q8V5N2K7RJ4M6T9WYBCD today\"}\n"),
        ("app.ts", "const cacheKey = `user:${id}`; const monkey = 'George9Of8The7Jungle6Book';\n"),
        ("index.html", "<div data-sitekey=\"6LLfU23GZijXjUqv-9heXM8dHYLYMlm1FZ7vGtlI\"></div>\n"),
        ("job.xml", "<secret>stored in the vault under app/prod</secret>\n<token>see page 12</token>\n"),
        ("cache.txt", "cache_key_5d41402abc4b2a76b9719d911017c59233b1a2c4\n"),
        (
            "app.py",
            "token = hashlib.sha256(\"some-label\") or \"default\"\npassword = getpass(\"Enter: \") or \"changeme\"\n"
        ),
        ("min.js", "var a=1;user=b;password=readPassword();x=2;\n"),
    ]

    @Test(arguments: negatives) func leavesOthers(_ example: (name: String, text: String)) throws {
        let found = try findings(example.text, try TokenRuleTests.detector.get(), name: example.name)
        #expect(found.isEmpty, "\(found)")
    }
}
