internal import EmbeddedData
internal import FoundationEssentials
internal import Support

/// Everything a scan needs, made once: the rules, the words, and one table of all their anchors.
final class RuleSet: Sendable {
    /// What an anchor sets off.
    enum Action: Sendable {
        /// A word that names secrets.
        case name
        /// The same, too short to count inside other words.
        case shortName
        /// A vendor's name; one of its own, or within a longer word.
        case vendor
        /// Its place in ``tokens``.
        case token(Int, TokenRule.Glue)
        case authority, authorization, cookie, keyBlock, puttyKey, flag, hash, ldapHash, mnemonic, recoveryCodes
        case encoded(Encoding)
        case keyBytes, packed, encodedScript, easyConnect
        case jwkMember, cookieFile, loginPair, pgpass, sql, asRole
        case loginCall(argument: Int)
        case insert, sessionLogin, netUse, echo, hereString, code, slashPair, addressPair, networkNote, commentedKey
        case printer, inputCall, dashNote, copyTable, deviceLine, accountPair, loginAs, loginWord, kubernetesSecret
        case withJoint, picture, spokenName, groupedCode, loginLabel, hostNote, shortPasswordFlag, accessList, monitor
        case resourceMacro, pathToken, community, encrypt, mavenMaster, cipherKey, oracleConnect, openUser, pressedKeys
        case otherOne, change, arrowNote, securityQuestion
        case secretID, charArray, cookieObject, basicPair, typedWord, plainExchange, usersMap, opens
        case secureString, setPassword, loginProcedure, apartName, apiName, serverLine, clientCall, sourceName,
            loginModule,
            passwordLines, slashLogin, targetLogin, storeField, privateHex
        case decodedKey, relayLogin, robotInput
        case note, heredoc, privateKeyHex, socks, secretObject, accountAnd, shortFields
        /// A name written with JSON's escapes.
        case escapedName(KeyName.Kind)
    }

    /// Under what names the rules report.
    let ids: Set<String>
    let tokens: FixedTable<TokenRule>
    let lexicon: NameLexicon
    let judge: ValueJudge
    let mnemonicWords: WordTable
    let proseWords = ProseWords.table
    /// Rules for tokens that only their length tells from words.
    let runTokens: [RunToken]
    let anchors: AnchorTable
    let actions: FixedTable<Action>

    struct RunToken: Sendable {
        var first: UInt8
        var second: UInt8
        /// The place in ``tokens``.
        var index: Int
    }

    /// A vendor whose name in a key makes its value suspect; `data/rules/vendors.json`.
    struct Vendor: Decodable, Sendable {
        var id: String
        var words: [String]
    }

    /// What the rules that are no vendor's token format report under.
    static let structuralIDs: Set<String> = [
        "account", "bitcoin-wif", "command-line", "cookie", "device-secret", "discord-bot", "dotted-key",
        "encoded-secret", "form-input", "http-authorization", "key", "keyed-secret", "kubernetes-secret",
        "license-key", "login-call", "login-pair", "mnemonic", "otp-seed", "password", "password-hash", "pgpass", "pin",
        "piped-secret", "prefixed-token", "private-key", "prose-secret", "recovery-code", "secret", "security-answer",
        "session-login", "sql-password", "telethon-session", "url-credentials", "vendor-key",
    ]

    /// The built-in rules.
    static func standard() throws -> RuleSet {
        try RuleSet(
            tokens: tokenSources(), vendors: decode([Vendor].self, "rules/vendors.json"),
            mnemonicWords: String(decoding: embedded("rules/mnemonic-words.txt"), as: UTF8.self).split(separator: "\n")
                .map(String.init), commonGrams: decode([String].self, "rules/common-grams.json"))
    }

    static func tokenSources() throws -> [TokenRule.Source] { try decode([TokenRule.Source].self, "rules/tokens.json") }

    /// `commonGrams`: what four bytes stand most often in prose, code, JSON and logs, the most common first, in small letters;
    /// measured over the documentation and headers of Debian and Python's library, and over sessions and logs made of them.
    init(tokens sources: [TokenRule.Source], vendors: [Vendor], mnemonicWords list: [String], commonGrams: [String])
        throws
    {
        let tokens = try sources.map(TokenRule.init)
        self.tokens = FixedTable(tokens)
        ids = Self.structuralIDs.union(tokens.map(\.id))
        let vendorWords = vendors.flatMap(\.words)
        lexicon = NameLexicon(vendors: vendorWords)
        let plain = list.map { $0.hasSuffix("*") ? String($0.dropLast()) : $0 }
        mnemonicWords = WordTable(plain.map { ($0, UInt32(1)) })
        judge = ValueJudge(lexicon: lexicon, commonWords: plain)

        var anchors: [AnchorTable.Anchor] = []
        var actions: [Action] = []
        func add(
            _ anchor: String, _ action: Action, isCaseSensitive: Bool = false, endsWord: Bool = false,
            followers: [UInt8] = []
        ) {
            anchors.append(
                AnchorTable.Anchor(
                    bytes: Array(anchor.utf8), isCaseSensitive: isCaseSensitive, endsWord: endsWord,
                    followers: followers))
            actions.append(action)
        }
        for anchor in Self.nameAnchors { add(anchor, .name) }
        for anchor in Self.shortNameAnchors { add(anchor, .shortName, endsWord: true) }
        for word in vendorWords {
            let isShort = word.utf8.count < 5
            add(word, isShort ? .shortName : .vendor, endsWord: isShort)
        }
        var runTokens: [RunToken] = []
        for (index, token) in tokens.enumerated() {
            let front = Array(token.keyword.utf8)
            if token.isLongRun {
                runTokens.append(RunToken(first: front[0], second: front[1], index: index))
                continue
            }
            add(
                token.keyword, .token(index, token.glue), isCaseSensitive: token.isCaseSensitive,
                followers: token.isAnchored ? token.followers : [])
        }
        self.runTokens = runTokens
        add("://", .authority)
        for scheme in ["bearer ", "basic ", "digest username", "token token=", "geniekey ", "ssws ", "splunk "] {
            add(scheme, .authorization)
        }
        for name in ["cookie", "cookies"] { add(name, .cookie) }
        for anchor in ["-----begin", "---- begin"] { add(anchor, .keyBlock) }
        for anchor in DetectionPass.scriptOptions { add(anchor, .encodedScript) }
        // The first bytes of gzip (RFC 1952) with deflate.
        add("H4sI", .packed, isCaseSensitive: true)
        for anchor in DetectionPass.keyBytes { add(anchor, .keyBytes, isCaseSensitive: true) }
        add("private-lines:", .puttyKey)
        for option in CommandOption.all { add("\(option.command) ", .flag) }
        for command in DetectionPass.listedCommands {
            for quote in ["'", "\""] { add(command + quote, .flag) }
        }
        for prefix in [
            "$2a$", "$2b$", "$2y$", "$2x$", "$5$", "$6$", "$y$", "$7$", "$argon2", "$apr1$", "$1$", "$pbkdf2",
            "$scrypt", "$8$", "$9$", "pbkdf2_sha", "argon2$", "bcrypt_sha256$", "scrypt:32768",
        ] {
            add(prefix, .hash)
        }
        for prefix in ["{sha}", "{ssha}", "{sha512}", "{ssha512}", "{ssha256}"] { add(prefix, .ldapHash) }
        for word in list where word.hasSuffix("*") {
            add(String(word.dropLast()), .mnemonic, endsWord: true)
        }
        for anchor in [
            "recovery code", "backup code", "recovery-code", "backup-code", "recovery_code", "backup_code",
            "recoverycode", "backupcode",
            "2fa code", "scratch code", "emergency code", "wiederherstellungscode", "backup-schlüssel",
            "codes de récupération",
            "códigos de recuperación", "codes de secours", "one-time codes", "single-use codes", "notfallcode",
            "notfall-code", "ersatzcode", "sicherungscode", "sicherheitscodes", "einmalcode", "tan-liste",
            "códigos de respaldo", "codigos de respaldo", "códigos de backup", "códigos de segurança",
            "códigos de emergência", "códigos de recuperação", "codici di backup",
            "codici di recupero", "codici di emergenza", "herstelcodes", "reservecodes", "noodcodes",
            "kody zapasowe", "kody odzyskiwania", "резервные коды", "коды восстановления", "запасные коды", "备用代码",
            "恢复代码", "备用码", "恢复码", "備用驗證碼", "リカバリーコード", "バックアップコード", "復元コード", "복구 코드",
            "백업 코드", "kurtarma kod", "yedek kod", "återställningskod", "reservkod", "gendannelseskod",
            "gjenopprettingskod", "palautuskoodi", "varakoodi", "záložní kód", "obnovovací kód", "tartalék kód",
            "coduri de rezervă", "2fa backup", "emergency codes", "bypass codes",
        ] { add(anchor, .recoveryCodes) }
        for anchor in DetectionPass.encodedAnchors() {
            anchors.append(
                AnchorTable.Anchor(bytes: anchor.bytes, isCaseSensitive: anchor.form == .base64))
            actions.append(.encoded(anchor.form))
        }
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            for close in ["\":", "\\\":", "':", ":"]
            where close != ":" || member == "k" || member == "d" || member.count == 2 {
                add(close == ":" ? " \(member): '" : "\(member)\(close)", .jwkMember)
            }
        }
        for anchor in ["\ttrue\t/", "\tfalse\t/", "\\ttrue\\", "\\tfalse\\"] { add(anchor, .cookieFile) }
        for anchor in [
            "login:", "logins:", "zugang:", "creds:", "credentials:", "zugangsdaten:", "account:", "wifi:", "wi-fi:",
            "wlan:", "ssid:", "ssh: ", "sftp: ", "ftp: ", "smb: ", "vnc: ", "rdp: ",
            "credenciales:", "credenciais:", "credenziali:", "inloggegevens:", "accès:", "accès :", "accesso:",
            "acesso:",
            "konto:", "connexion:", "connexion :", "identifiants :", "dostęp:", "логин:", "доступ:", "登录：", "账号：",
            "user/pass:", "user/pw:", "username/password:", "user/password:", "identifiants:", "acceso:", "anmeldung:",
            "login**:", "wi-fi**:",
        ] { add(anchor, .loginPair) }
        for anchor in [":5432:", ":*:", ":6432:", ":5433:", ":5434:", ":5439:", ":6543:", ":26257:"] {
            add(anchor, .pgpass)
        }
        for anchor in [
            "identified\\040by\\040", "password\\040", "identified by", "identified with", "with password",
            "encrypted password",
        ] { add(anchor, .sql) }
        for anchor in [
            "as the ", "as my ", "as your ", "as password", "as token", "as api key", "as pin", "as passphrase",
            "als passwort", "als kennwort", "als schlüssel", "als wachtwoord", "como contraseña", "como senha",
            "come password",
            "comme mot de passe", "jako hasło", "for the pin",
        ] {
            add(anchor, .asRole)
        }
        for call in DetectionPass.loginCalls { add(call.anchor, .loginCall(argument: call.argument)) }
        for anchor in ["insert into", "replace into", "insert ignore into", "or replace into", "or ignore into"] {
            add(anchor, .insert)
        }
        add("from stdin", .copyTable)
        for anchor in ["nickserv ", "nickserv: "] { add(anchor, .sessionLogin) }
        for anchor in [" LOGIN ", "AUTH default ", "> AUTH ", "> auth "] {
            add(anchor, .sessionLogin, isCaseSensitive: true)
        }
        for anchor in ["net use ", "net user "] { add(anchor, .netUse) }
        for anchor in ["echo ", "printf "] { add(anchor, .echo) }
        add("<<<", .hereString)
        for anchor in DetectionPass.codeAnchors { add(anchor, .code) }
        add(" / ", .slashPair)
        for domain in [
            "com", "org", "net", "de", "io", "me", "fr", "es", "it", "uk", "eu", "ch", "at", "nl", "dev", "lan",
            "local",
            "home", "app", "info", "ca", "us", "pl", "ru", "br", "jp", "cn", "se", "cz", "tr", "in",
        ] {
            add(".\(domain):", .addressPair)
        }
        for anchor in ["wifi ", "wi-fi ", "wlan "] { add(anchor, .networkNote) }
        for anchor in ["untrusted comment:", "# start of tarsnap"] { add(anchor, .commentedKey) }
        for anchor in ["kind: secret", "kind: \"secret", "kind\": \"secret", "kind\":\"secret", "kind\\\": \\\"secret"]
        {
            add(anchor, .kubernetesSecret)
        }
        for anchor in DetectionPass.deviceAnchors { add(anchor, .deviceLine) }
        for anchor in [
            "admin:", "root:", "administrator:", "admin|", "root|", "user -> ", "login -> ", "admin -> ", "account -> ",
        ] {
            add(anchor, .accountPair)
        }
        for anchor in [
            "log in with ", "login with ", "sign in with ", "einloggen mit ", "anmelden mit ", "inloggen met ",
            "entra con ",
            "inicia sesión con ", "iniciar sesión con ", "connecte-toi avec ", "se connecter avec ", "accedi con ",
            "entrar com ", "zaloguj się jako ", "log in as ", "login as ", "logs in as ", "logs into ", "log into ",
            "logging in as ", "logged in as ",
            "sign in as ", "einloggen als ", "anmelden als ",
            "connecter en tant que ", "iniciar sesión como ", "entrar como ",
        ] { add(anchor, .loginAs) }
        for anchor in DetectionPass.printers { add(anchor, .printer) }
        for call in DetectionPass.inputCalls { add(call, .inputCall) }
        for anchor in [" — ", " – "] { add(anchor, .dashNote) }
        for anchor in ["user=", "login=", "users=", "userpwd, ", "userpwd => "] { add(anchor, .loginWord) }
        for anchor in ["basicauth ", "proxyauth "] { add(anchor, .basicPair) }
        for anchor in [":CL:", "-setcookie "] { add(anchor, .typedWord, isCaseSensitive: true) }
        for anchor in ["AUTH PLAIN", "AUTHENTICATE PLAIN"] { add(anchor, .plainExchange, isCaseSensitive: true) }
        for anchor in ["users:", "accounts:", "logins:"] { add(anchor, .usersMap) }
        for anchor in [
            " unlocks ", " opens ", " is what opens ", " gets you into ", " öffnet ", " entsperrt ", " abre ",
            " ouvre ", " apre ",
        ] {
            add(anchor, .opens)
        }
        add(" // ", .slashPair)
        for anchor in [" PASS ", "\nPASS "] { add(anchor, .sessionLogin, isCaseSensitive: true) }
        for anchor in ["admin/", "root/"] { add(anchor, .accountPair) }
        for anchor in [
            "auth ", "allow ", "user = ", "user \"", " -u ", "\n-u ", "--user ", "login ", "creds ", "creds are ",
            "credentials are ", "basic auth ", "login is ", "logins are ",
        ] {
            add(anchor, .loginWord)
        }
        for anchor in [
            "vault login ", "cargo login ", "auth:token ", "add-authtoken ", "ngrok authtoken ", "service install ",
        ] {
            add(anchor, .sessionLogin)
        }
        for anchor in PlaceAnchors.all { add(anchor.text, anchor.action, isCaseSensitive: anchor.isCaseSensitive) }
        for name in NameWords.apart {
            for sign in [":", " :", " =", "="] { add(name + sign, .apartName) }
        }
        for sign in ["=", " =", ":", "\""] { add("_api" + sign, .apiName) }
        // Names of other alphabets as JSON escapes them.
        for (word, kind) in NameWords.foreign {
            let escaped = NameWords.escaped(word)
            if escaped != word { add(escaped, .escapedName(kind)) }
        }
        self.actions = FixedTable(actions)
        func packed(_ gram: some Sequence<UInt8>) -> UInt64 { gram.reduce(0) { $0 << 8 | UInt64($1) } }
        // The most common stand first.
        let grams = Dictionary(
            zip(commonGrams.map { packed($0.utf8.map { $0 | 0x20 }) }, 0...), uniquingKeysWith: { first, _ in first })
        self.anchors = AnchorTable(anchors) { grams[packed($0)] ?? Int.max }
    }

    /// Parts of names of secrets; a longer name that holds one needs no entry.
    private static let nameAnchors = [
        "pass", "pwd", "secret", "token", "key", "cred", "auth", "jwt", "kennwort", "kennwört", "senha", "contrase",
        "wachtwoord",
        "losenord", "lösenord", "haslo", "hasło", "heslo", "parola", "sifre", "şifre", "Şifre", "jelszo", "jelszó",
        "jelszav", "Κωδικός",
        "salasana",
        "adgangskode",
        "lozinka", "sandi", "пароль", "Пароль", "пароля", "секрет", "токен", "密码", "密碼", "口令", "パスワード", "비밀번호", "암호",
        "令牌", "密钥", "トークン", "geheimnis", "segredo", "schlüssel", "chave", "llave", "mnemonic", "seed", "salt", "pepper",
        "webhook", "_session=", "_session\"", "session_string", "sessionstring", "stringsession", "string_session",
        "sonar.login", "sonarlogin", "sonar_login", "macaroon", "sessid", "sessionid", "session_id", "totp", "pincode",
        "ticket", "appid", "bearer",
        "rootpw", "bindpw", "adminpw", "erlang_cookie", "localprivate", "geheimwort", "geheimzahl", "losungswort",
        "暗証番号", "clé", "chiave", "토큰", "zugangscode", "비번", "合言葉", "paasavard", "पासवर्ड", "รหัสผ่าน", "كلمة المرور",
        "كلمة السر", "رمز عبور",
        "mật khẩu", "keymaterial",
        "pasw", "授权码", "访问码", "訪問碼", "提取码", "كلمة مرور", "كلمة سر", "باسور", "باسوور",
        "geslo", "parool", "connect.sid", "verifier", "nonce", "hmac", "κωδικός", "סיסמה", "pswd", "passe",
        "parole", "pasword", "paasword", "pssword", "psswrd", "parolă", "slaptažodis", "slaptazodis", "סיסמא",
        "sercet", "secert", "&session=", "?session=", "crumb=", "api_hash", "apihash",
    ]

    private static let shortNameAnchors = [
        "pw", "pws", "pin", "puk", "cvv", "cvc", "psk", "wpa", "mdp", "otp", "mfa", "clave", "sig", "sid", "psw", "wep",
        "sas", "pat",
    ]

    private static func embedded(_ name: String) throws -> [UInt8] {
        guard let file = hx_embedded_file(name), let bytes = file.pointee.bytes else {
            throw OperatorError(
                "rules.missing", doing: "loading the detector's rules", subject: name, reason: "not part of this build")
        }
        return Array(UnsafeBufferPointer(start: bytes, count: file.pointee.size))
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ name: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(embedded(name)))
        } catch let error as OperatorError {
            throw error
        } catch {
            throw OperatorError(
                "rules.format", doing: "loading the detector's rules", subject: name, reason: "\(error)",
                exit: .configuration)
        }
    }
}
