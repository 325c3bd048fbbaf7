internal import TestSupport
internal import Testing

@testable internal import Sanitizer

/// What people write to each other and to themselves: an answer to a question, the code of a door, a network's key, the answers of
/// security questions. `@@` stands for the secret, made anew for each case.
@Suite struct MessageRuleTests {
    typealias Case = StructuralRuleTests.Case

    static let positives: [Case] = [
        // One message asks, the next one answers.
        Case(
            "chat.txt", "[04.05.26, 10:11:12] Mia: whats the netflix password again\n[04.05.26, 10:11:40] Jo: @@\n",
            .typed),
        Case("chat.txt", "Mia: wie war nochmal das Passwort vom NAS?\nJo: @@\nMia: danke\n", .words),
        Case("chat.txt", "Luc : c'est quoi le mdp de la box ?\nZoé : @@\n", .typed),
        Case("chat.txt", "Rui: qual é a senha do portão?\nAna: @@, mas espera o bip\n", .pin),
        Case("chat.txt", "王芳: 路由器密码发我一下\n李雷: @@\n", .typed),
        Case("chat.txt", "عمر: شو الباسورد تبع الجهاز؟\nسامي: @@\n", .typed),
        Case("chat.txt", "Arun: bhai hotstar ka pasword bhej na\nRavi: @@\n", .typed),
        Case("chat.txt", "Gio: qual è la password del wifi?\nIda: eccola: @@\n", .typed),
        Case(
            "a.md", "**mia** — today at 18:02\nwhats the server password?\n**tom** — today at 18:03\n||@@||\n", .typed),
        Case(
            "a.txt",
            "Tom, [2026-04-01 10:10:10]\nsend me the vpn pass pls\n\nMia, [2026-04-01 10:11:00]\nok, it's @@\n", .typed),
        Case("irc.log", "[10:01] <bob> whats the pw for the bouncer\n[10:02] <al> @@\n", .typed),
        Case(
            "s.json", #"[{"type":"message","text":"what is the grafana password?"},{"type":"message","text":"@@"}]"#,
            .typed),
        // Networks.
        Case("MEMORY.md", "Olga changed the wifi at the cabin, it is now @@ (same name as before).\n", .typed),
        Case("sms.csv", "date,from,body\n2026-01-02,DAD,\"wlan here: @@ love you\"\n", .typed),
        Case("gite.txt", "Wi-Fi : « Gite-Nord », clé @@\n", .typed),
        Case("a.ics", "DESCRIPTION:Wifi \"Flores\" / @@\nEND:VEVENT\n", .typed),
        // Codes.
        Case("a.md", "Key box left of the door\\, code @@.\n", .pin),
        Case("a.md", "The nanny gets in with @@# on the front door.\n", .pin),
        Case("a.txt", "Die Tür unten, da tippst du @@ ein und dann Raute.\n", .pin),
        Case("a.txt", "La boîte à clés s'ouvre avec @@.\n", .pin),
        Case("a.txt", "El código del portal es el @@.\n", .pin),
        Case("a.txt", "the alarm at mum's place you press off and then @@, be quick\n", .pin),
        Case("a.txt", "PIN fürs Online-Banking @@\n", .pin),
        Case("a.txt", "बैंक लॉकर का कोड @@ है\n", .pin),
        Case("a.txt", "الرقم السري للبطاقة @@\n", .pin),
        Case("a.txt", "Meeting password follows (or dial in with @@ from phones)\n", .pin),
        // Accounts and their passwords.
        Case("mail.txt", "Log in with your mail address and @@\nfor the first time.\n", .typed),
        Case("a.md", "staging is behind basic auth, preview / @@\n", .typed),
        Case("a.md", "old blog, wp-admin, admin|@@\n", .typed),
        Case("a.md", "# logins\nsteam      kim88 -> @@\n", .typed),
        Case("a.txt", "The laptop wants a new password and I made it @@, remember that.\n", .typed),
        // Names and scripts.
        Case("a.md", "授权码（QQ邮箱）：@@\n", .typed),
        Case("a.md", "माँ के ईमेल का पासवर्ड बदलकर @@ कर दिया गया है।\n", .typed),
        Case("a.md", "كلمة مرور الواي فاي في المكتب هي @@\n", .typed),
    ]

    @Test(arguments: positives) func findsTheSecretAndNothingElse(_ one: Case) throws {
        try one.expectNothingButTheSecret(seed: 6)
    }

    @Test func findsWhatStandsForTheOneBefore() throws {
        var random = SeededGenerator(seed: 7)
        let (new, old) = (StructuralRuleTests.secret(.typed, &random), StructuralRuleTests.secret(.typed, &random))
        let text = "The plugs' password is \(new). The old one (\(old)) still works in the shed.\n"
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: "a.md") == [new, old])
    }

    @Test func findsSeveralWordsAndTurns() throws {
        let detector = try TokenRuleTests.detector.get()
        #expect(
            try findings("- small safe. Combination: 36 left, 9 right, 71 left\n", detector, name: "a.md")
                == ["36 left, 9 right, 71 left"])
        #expect(
            try findings(
                "Bank security questions:\n  first pet -> Flocke the Third\n  first car? Fiat Panda\n", detector,
                name: "a.md")
                == ["Flocke the Third", "Fiat Panda"])
        #expect(
            try findings(
                "a new password again and I made it yellow Heron 1974 with a capital\n", detector, name: "a.md")
                == ["yellow Heron 1974"])
        #expect(
            try findings("Le code du portail : B4417. Код от домофона 38В9164\n", detector, name: "a.md")
                == ["B4417", "38В9164"])
    }

    static let negatives: [(String, String)] = [
        (
            "a.md",
            "Anna: what is the password policy?\nBen: at least 12 characters\nAnna: need the pw\nBen: config/users2.yaml\n"
        ),
        (
            "chat.txt",
            "Anna: what password manager do you use?\nBen: 1Password\nAnna: reset my password\nBen: tomorrow 10:30\n"
        ),
        ("a.yaml", "prompt: |\n  what is the password\nid: d9e9554b05d7\n"),
        ("a.log", "2026-11-28 03:27 DEBUG a.run: what is the password\n2026-11-28 03:28 DEBUG b.run: RFC1122, done\n"),
        ("a.json", #"[{"role":"user","content":"what is my PIN?"},{"role":"assistant","content":"4-6 digits"}]"#),
        (
            "a.md",
            "The wifi is 802.11ac, it is now faster.\nThe wifi network is called Kiefer_5G.\nwifi: FritzBox 7590 in the hall\n"
        ),
        (
            "a.md",
            "She opens with 2500 followers at the gate.\nEnter 2024 as the year on the entry form.\nexit code 1347\n"
        ),
        ("a.md", "Error code 5021 in the storage layer.\nКод ошибки 5519, код товара 77123\nرمز المنتج 5519\n"),
        ("a.md", "The PIN for the card was changed in 2024. A 44pin 82078 chip.\n"),
        ("a.md", "Security questions:\n- How do we store the keys?\n- Who has access?\n"),
        ("a.md", "fn main() -> Result2\nmap(x) -> Some3Thing!\n# logins\nthe parser -> Output2Layer of it\n"),
        ("a.md", "Our login page was slow so I made it faster 20 times. I set it to 20 minutes.\n"),
        ("a.md", "密码（必填）：请输入密码\nПароль должен содержать Latin1 символы\n"),
        (
            "a.md",
            "Sign in with your account and OAuth2.\nThe old one (v2.3.1) is gone.\nTurn left, then right, 3 left.\n"
        ),
    ]

    @Test(arguments: negatives) func leavesOrdinaryProse(_ name: String, _ text: String) throws {
        #expect(try findings(text, try TokenRuleTests.detector.get(), name: name) == [])
    }
}
